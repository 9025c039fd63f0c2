/**
 * Posts readings of a simulated fleet for as long as a test lasts. A post that was not acknowledged is sent again, word for word,
 * before the next one of its devices: so the order of a device's acknowledged readings is known.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fleet } from '../../models/simulator/fleet.js';

export interface LoadOptions {
  readonly seed: number;
  /** Where to post; asked before each attempt. */
  readonly url: () => string;
  /** Each has devices of its own and one request open at a time. */
  readonly posters: number;
  readonly devicesEach: number;
  /** Readings of one post. */
  readonly batch: number;
  /** All posters together; Infinity: as fast as it goes. */
  readonly readingsASecond: number;
  /** A request that takes longer is a failure of the test: it must have been answered by then. */
  readonly answerWithinMs: number;
}

export interface LoadCounts {
  readonly acknowledged: number;
  readonly posts: number;
  /** Status → how many answers; 0: the connection broke. */
  readonly answers: Readonly<Record<number, number>>;
  /** Longest time that a request took, ms. */
  readonly slowestMs: number;
}

const START_MS = Date.UTC(2026, 0, 1);
const INTERVAL_MS = 10_000;
const RETRY_MS = 100;
/** Every so many posts one carries an `Idempotency-Key`. */
const KEYED_EVERY = 4;

export class Load {
  /** Device → times of acknowledged readings, in the order of posting. */
  readonly acknowledged = new Map<string, number[]>();
  /** Answers that break a promise, in words. */
  readonly faults: string[] = [];
  readonly #options: LoadOptions;
  readonly #answers: Record<number, number> = {};
  #count = 0;
  #posts = 0;
  #slowestMs = 0;
  #isStopping = false;
  #isGivenUp = false;
  #running: Promise<void>[] = [];

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isStopping = false;
    const { posters } = this.#options;
    this.#running = Array.from({ length: posters }, (_, poster) => this.#post(poster));
  }

  get counts(): LoadCounts {
    return {
      acknowledged: this.#count,
      posts: this.#posts,
      answers: { ...this.#answers },
      slowestMs: this.#slowestMs,
    };
  }

  /** Every post that was begun is acknowledged when this resolves, unless the test is given up. */
  async stop({ isGivenUp = false } = {}): Promise<void> {
    this.#isStopping = true;
    this.#isGivenUp ||= isGivenUp;
    await Promise.all(this.#running);
  }

  async #post(poster: number): Promise<void> {
    const { seed, posters, batch, readingsASecond } = this.#options;
    const pauseMs = (batch * posters * 1_000) / readingsASecond;
    const readings = this.#readings(poster);
    let dueMs = performance.now() + (pauseMs * poster) / posters;
    for (let index = 0; !this.#isStopping; index++) {
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      // What was missed while posts failed is not made up for: the cluster must not be flooded as it comes back.
      dueMs = Math.max(dueMs + pauseMs, performance.now());
      const taken = Array.from({ length: batch }, () => readings.next().value);
      const key = index % KEYED_EVERY === 0 ? `${seed}-${poster}-${index}` : undefined;
      if (!(await this.#untilAcknowledged(JSON.stringify({ readings: taken }), key, batch))) return;
      for (const { device, ts } of taken) {
        const times = this.acknowledged.get(device);
        if (times === undefined) this.acknowledged.set(device, [ts]);
        else times.push(ts);
      }
      this.#count += batch;
      this.#posts++;
    }
  }

  async #untilAcknowledged(body: string, key: string | undefined, batch: number): Promise<boolean> {
    while (!this.#isGivenUp) {
      const startMs = performance.now();
      const { status, text } = await this.#attempt(body, key);
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startMs);
      this.#answers[status] = (this.#answers[status] ?? 0) + 1;
      if (status === 202) {
        const { accepted } = JSON.parse(text) as { accepted: number };
        if (accepted !== batch)
          this.faults.push(`${accepted} of ${batch} readings were accepted: ${text.slice(0, 500)}`);
        return true;
      }
      // 409: our own first attempt, of which we have lost sight, still runs.
      if (![0, 409, 429, 503, 504].includes(status)) this.faults.push(`a post was answered ${status}: ${text}`);
      await sleep(RETRY_MS);
    }
    return false;
  }

  async #attempt(body: string, key: string | undefined): Promise<{ status: number; text: string }> {
    const { url, answerWithinMs } = this.#options;
    try {
      const answer = await fetch(`${url()}/v1/readings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) },
        body,
        signal: AbortSignal.timeout(answerWithinMs),
      });
      if (answer.status === 503 && !answer.headers.has('retry-after')) this.faults.push('a 503 without Retry-After');
      return { status: answer.status, text: await answer.text() };
    } catch (error) {
      if (error instanceof DOMException && error.name === 'TimeoutError')
        this.faults.push(`a post had no answer within ${answerWithinMs} ms`);
      return { status: 0, text: String(error) };
    }
  }

  *#readings(poster: number): Generator<{ device: string; ts: number; values: unknown }, never> {
    const { seed, devicesEach } = this.#options;
    const fleet = new Fleet({
      seed: seed + poster,
      devices: devicesEach,
      intervalMs: INTERVAL_MS,
      startMs: START_MS,
      missing: 0,
    });
    for (let timeMs = START_MS + INTERVAL_MS; ; timeMs += INTERVAL_MS) {
      for (const { device, ts, values } of fleet.step(timeMs)) yield { device: `${poster}/${device}`, ts, values };
    }
  }
}
