/**
 * Sends readings to a Redshank server: in batches, in order, again where that helps, and never more in memory than you allow.
 * Runs in Node and in browsers. Types and documentation of each option: `redshank-client.d.ts`.
 */

const DEFAULTS = {
  maxBatch: 500,
  maxDelayMs: 1_000,
  maxBuffered: 100_000,
  onFull: 'reject',
  requestTimeoutMs: 30_000,
  firstRetryMs: 250,
  longestRetryMs: 30_000,
};
/** Worth sending again: nothing was taken, or nobody knows. 409: the first request with this key still runs. */
const AGAIN = new Set([408, 409, 425, 429, 500, 502, 503, 504]);
/** A page that is left may send so much, in bytes (Fetch standard: 64 KiB of all requests that outlive it). */
const KEEPALIVE_BYTES = 60_000;

/** What a server said against a request, as RFC 9457 has it; status 0: it could not be reached. */
export class RedshankError extends Error {
  constructor(status, problem = {}, options = undefined) {
    super(problem.detail ?? `the server answered ${status}`, options);
    this.name = 'RedshankError';
    this.status = status;
    this.type = problem.type;
    this.title = problem.title;
    this.retryAfterMs = undefined;
  }
}

export class RedshankClient {
  #options;
  #url;
  /** Readings that wait, oldest first; `#sending` of them are in the batch under way. */
  #buffer = [];
  #sending = 0;
  #isWorking = false;
  #timer;
  #wake = () => undefined;
  /** Who waits until so many readings have left the buffer, of all that ever came into it. */
  #waiters = [];
  #gone = 0;
  #isClosed = false;
  #fatal;
  #stats = { accepted: 0, rejected: 0, dropped: 0, requests: 0, retries: 0 };

  constructor(options) {
    this.#options = { ...DEFAULTS, ...options };
    this.#url = new URL(options.url).href.replace(/\/+$/, '');
    for (const name of [
      'maxBatch',
      'maxDelayMs',
      'maxBuffered',
      'requestTimeoutMs',
      'firstRetryMs',
      'longestRetryMs',
    ]) {
      if (!(this.#options[name] > 0))
        throw new RangeError(`${name} must be a number over 0, got ${this.#options[name]}`);
    }
    options.signal?.addEventListener('abort', () => this.#stop(options.signal.reason), { once: true });
    if (typeof window !== 'undefined') window.addEventListener('pagehide', () => this.#sendLast());
  }

  add(reading) {
    if (this.#fatal !== undefined) throw this.#fatal;
    if (this.#isClosed) throw new Error('this client is closed');
    if (this.#buffer.length >= this.#options.maxBuffered) {
      // What is under way cannot be taken back.
      if (this.#options.onFull === 'reject' || this.#buffer.length <= this.#sending) {
        this.#stats.dropped++;
        return false;
      }
      this.#buffer.splice(this.#sending, 1);
      this.#gone++;
      this.#stats.dropped++;
    }
    this.#buffer.push(reading);
    if (this.#buffer.length - this.#sending >= this.#options.maxBatch) this.#send();
    else this.#timer ??= this.#unref(setTimeout(() => this.#send(), this.#options.maxDelayMs));
    return true;
  }

  async flush({ timeoutMs } = {}) {
    if (this.#fatal !== undefined) throw this.#fatal;
    if (this.#buffer.length === 0) return;
    const done = new Promise((resolve, reject) =>
      this.#waiters.push({ resolve, reject, target: this.#gone + this.#buffer.length }),
    );
    this.#send();
    if (timeoutMs === undefined) return done;
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(
        () => reject(new RedshankError(0, { detail: `not all was sent within ${timeoutMs} ms` })),
        timeoutMs,
      );
    });
    await Promise.race([done, late]).finally(() => clearTimeout(timer));
  }

  async close(options = {}) {
    this.#isClosed = true;
    try {
      await this.flush(options);
    } finally {
      this.#stop(new Error('this client is closed'));
    }
  }

  stats() {
    return { ...this.#stats, buffered: this.#buffer.length };
  }

  device(id) {
    return this.#ask('GET', `/v1/devices/${encodeURIComponent(id)}`);
  }

  async *devices() {
    yield* this.#pages('/v1/devices', {}, 'devices');
  }

  async *scores(id, { from, to, limit } = {}) {
    const path = `/v1/devices/${encodeURIComponent(id)}/scores`;
    // Without a beginning: the latest ones, on one page.
    if (from === undefined) yield* (await this.#ask('GET', path, { query: { to, limit } })).scores;
    else yield* this.#pages(path, { from, to, limit }, 'scores');
  }

  async *alerts(filter = {}) {
    yield* this.#pages('/v1/alerts', filter, 'alerts');
  }

  acknowledge(id, note) {
    return this.#alert(id, 'ack', { note });
  }

  resolve(id, note) {
    return this.#alert(id, 'resolve', { note });
  }

  feedback(id, verdict, note) {
    return this.#alert(id, 'feedback', { verdict, note });
  }

  predict(data, { windowSize, method } = {}) {
    return this.#ask('POST', '/predict', { body: { data, window_size: windowSize, method } });
  }

  #alert(id, verb, body) {
    return this.#ask('POST', `/v1/alerts/${encodeURIComponent(id)}/${verb}`, { body });
  }

  async *#pages(path, query, list) {
    let cursor;
    do {
      const page = await this.#ask('GET', path, { query: { ...query, cursor } });
      yield* page[list];
      cursor = page.next;
    } while (cursor !== undefined);
  }

  async #ask(method, path, { query = {}, body } = {}) {
    const url = new URL(this.#url + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, value instanceof Date ? value.toISOString() : String(value));
    }
    const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const init = { method, headers: this.#headers(type), ...(body !== undefined && { body: JSON.stringify(body) }) };
    return (await this.#fetch(url, init)).body;
  }

  #headers(more) {
    const { key } = this.#options;
    return { ...more, ...(key !== undefined && { Authorization: `Bearer ${key}` }) };
  }

  /** @throws RedshankError for whatever is no answer of success */
  async #fetch(url, init) {
    const timeout = AbortSignal.timeout(this.#options.requestTimeoutMs);
    const { signal } = this.#options;
    let response;
    let text;
    try {
      response = await fetch(url, {
        ...init,
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      text = await response.text();
    } catch (cause) {
      throw new RedshankError(0, { detail: `${this.#url} cannot be reached: ${cause.message}` }, { cause });
    }
    let body;
    try {
      body = text === '' ? undefined : JSON.parse(text);
    } catch (cause) {
      throw new RedshankError(response.status, { detail: `what answers at ${this.#url} is not Redshank` }, { cause });
    }
    if (response.ok) return { body, headers: response.headers };
    const error = new RedshankError(response.status, body);
    error.body = body;
    error.retryAfterMs = retryAfterMs(response.headers.get('retry-after'));
    throw error;
  }

  #send() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isWorking) return;
    this.#isWorking = true;
    void this.#work();
  }

  /** Batch after batch until nothing waits: one at a time, so that readings stay in order. */
  async #work() {
    while (this.#buffer.length > 0 && this.#fatal === undefined) {
      const batch = this.#buffer.slice(0, this.#options.maxBatch);
      this.#sending = batch.length;
      try {
        await this.#deliver(batch);
      } catch (error) {
        this.#stop(error);
        break;
      }
      this.#buffer.splice(0, batch.length);
      this.#gone += batch.length;
      this.#sending = 0;
      // Those who wait may add more, and are not kept waiting by it.
      const reached = this.#waiters.filter(({ target }) => target <= this.#gone);
      this.#waiters = this.#waiters.filter(({ target }) => target > this.#gone);
      for (const { resolve } of reached) resolve();
    }
    this.#isWorking = false;
  }

  /** Until the server has taken the batch, or said that it never will. @throws RedshankError when no batch will be taken any more */
  async #deliver(batch) {
    // The same over all attempts: what was taken and whose answer was lost is not taken again.
    const key = crypto.randomUUID();
    const text = JSON.stringify({ readings: batch });
    let pauseMs = this.#options.firstRetryMs;
    for (;;) {
      this.#stats.requests++;
      let failure;
      try {
        const { body } = await this.#fetch(`${this.#url}/v1/readings`, await this.#request(text, key));
        this.#count(batch, body);
        return;
      } catch (error) {
        if (this.#fatal !== undefined) throw this.#fatal;
        failure = error;
      }
      if (failure.status === 413 && batch.length > 1) {
        const half = batch.length >> 1;
        await this.#deliver(batch.slice(0, half));
        await this.#deliver(batch.slice(half));
        return;
      }
      // Nothing that is sent with this key will ever be taken.
      if (failure.status === 401 || failure.status === 403) throw failure;
      if (failure.status !== 0 && !AGAIN.has(failure.status)) {
        if (Array.isArray(failure.body?.rejected)) this.#count(batch, failure.body);
        else this.#reject(batch, failure.message, batch.length);
        return;
      }
      this.#stats.retries++;
      this.#options.onRetry?.(failure);
      // Full jitter: a fleet that lost its server must not come back all at once.
      await this.#pause(failure.retryAfterMs ?? Math.random() * pauseMs);
      if (this.#fatal !== undefined) throw this.#fatal;
      pauseMs = Math.min(2 * pauseMs, this.#options.longestRetryMs);
    }
  }

  async #request(text, key) {
    const headers = this.#headers({ 'Content-Type': 'application/json', 'Idempotency-Key': key });
    if (typeof CompressionStream === 'undefined' || text.length < 1_000) return { method: 'POST', headers, body: text };
    const packed = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
    const body = await new Response(packed).arrayBuffer();
    return { method: 'POST', headers: { ...headers, 'Content-Encoding': 'gzip' }, body };
  }

  #count(batch, { accepted = 0, rejected = [], rejectedCount = 0 }) {
    this.#stats.accepted += accepted;
    const listed = rejected.map(({ index, reason }) => ({ reading: batch[index], reason }));
    if (rejectedCount > 0) this.#tell(listed, rejectedCount);
  }

  #reject(batch, reason, count) {
    this.#tell(
      batch.map((reading) => ({ reading, reason })),
      count,
    );
  }

  #tell(rejected, count) {
    this.#stats.rejected += count;
    this.#options.onRejected?.(rejected, count);
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** No more is sent; who waits is told why. */
  #stop(error) {
    if (this.#fatal !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#fatal = error instanceof Error ? error : new Error(String(error));
    this.#wake();
    const waiters = this.#waiters.splice(0);
    for (const { reject } of waiters) reject(this.#fatal);
    if (!this.#isClosed) this.#options.onStopped?.(this.#fatal);
  }

  /** A page that is left has no time for answers: what fits is sent on its way, with a key of its own. */
  #sendLast() {
    let last = this.#buffer.slice(this.#sending);
    let body = bodyOf(last);
    while (body.length > KEEPALIVE_BYTES && last.length > 1) {
      last = last.slice(-(last.length >> 1));
      body = bodyOf(last);
    }
    if (last.length === 0) return;
    const headers = this.#headers({ 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() });
    void fetch(`${this.#url}/v1/readings`, { method: 'POST', headers, body, keepalive: true }).catch(() => undefined);
  }

  /** A timer alone keeps no process alive; `close` does. */
  #unref(timer) {
    timer.unref?.();
    return timer;
  }
}

/** Names of channels may have more bytes than letters. */
const bodyOf = (readings) => new globalThis.TextEncoder().encode(JSON.stringify({ readings }));

/** Seconds or a date (RFC 9110, 10.2.3). */
function retryAfterMs(header) {
  if (header === null) return undefined;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? 1_000 * seconds : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
