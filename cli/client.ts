/** The HTTP client of the command line: time limits, back-off, and problems turned into words that say what to do next. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RedshankClient, RedshankError, type ClientOptions as SenderOptions } from 'redshank/client';
import { CommandFailure } from './command-failure.js';
import { ExitCode } from './exit-codes.js';
import { printable } from './terminal/terminal.js';

export interface ClientOptions {
  /** Base of the server, for example `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly key?: string | undefined;
  readonly signal?: AbortSignal;
  /** For one attempt, in ms. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** For waiting out 429, 503, with an `Idempotency-Key` 409 and 504, and (with `survivesRestart`) lost connections, in ms. Default 30 s. */
  readonly retryForMs?: number;
}

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as they are, in the place of a body. */
  readonly bytes?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** The request may be repeated after a lost connection: it changes nothing twice. */
  readonly survivesRestart?: boolean;
  /** Statuses besides 2xx that are answers, not failures. */
  readonly alsoAnswers?: readonly number[];
}

export interface Answer<T> {
  readonly status: number;
  /** An earlier attempt may have been done as well: it ended without an answer that says otherwise. */
  readonly mayBeTwice: boolean;
  readonly headers: Headers;
  readonly body: T;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
const BUSY = new Set([429, 503]);
/** The same for a request with an `Idempotency-Key`: the first attempt still runs, or ran out of time. */
const BUSY_WITH_KEY = new Set([...BUSY, 409, 504]);
/** Answers to an attempt of which nothing was done. */
const NOTHING_DONE = new Set([409, 429]);

export class ApiClient {
  readonly url: string;
  readonly #options: ClientOptions;
  readonly #signal: AbortSignal;

  /** @throws CommandFailure when `url` is not an http or https URL. */
  constructor(options: ClientOptions) {
    this.url = baseUrl(options.url);
    this.#options = options;
    this.#signal = options.signal ?? new AbortController().signal;
  }

  /** @throws CommandFailure for everything but 2xx, with the exit code that fits. */
  async get<T>(path: string, options: RequestOptions = {}): Promise<T> {
    return (await this.send<T>('GET', path, options)).body;
  }

  /** @throws CommandFailure as `get`. */
  async post<T>(path: string, options: RequestOptions = {}): Promise<Answer<T>> {
    return this.send<T>('POST', path, options);
  }

  /** As `get`, but undefined where the server says 404. */
  async find<T>(path: string, options: RequestOptions = {}): Promise<T | undefined> {
    try {
      return await this.get<T>(path, options);
    } catch (error) {
      if (error instanceof CommandFailure && error.exitCode === ExitCode.notFound) return undefined;
      throw error;
    }
  }

  async send<T>(method: string, path: string, options: RequestOptions): Promise<Answer<T>> {
    const untilMs = performance.now() + (this.#options.retryForMs ?? 30_000);
    let pauseMs = FIRST_PAUSE_MS;
    const busy = options.headers?.['idempotency-key'] === undefined ? BUSY : BUSY_WITH_KEY;
    let mayBeTwice = false;
    for (;;) {
      let problem: CommandFailure;
      let waitMs = pauseMs;
      try {
        const response = await this.#attempt(method, path, options);
        const text = await response.text();
        if (response.ok || options.alsoAnswers?.includes(response.status) === true) {
          mayBeTwice &&= response.headers.get('idempotency-replayed') === null;
          const body = parseBody(text, this.url) as T;
          return { status: response.status, headers: response.headers, mayBeTwice, body };
        }
        problem = problemOf(response, text);
        if (!busy.has(response.status)) throw problem;
        mayBeTwice ||= !NOTHING_DONE.has(response.status);
        waitMs = retryAfterMs(response) ?? pauseMs;
      } catch (error) {
        if (error instanceof CommandFailure) throw error;
        if (this.#signal.aborted) throw new CommandFailure(ExitCode.failed, 'stopped', error);
        problem = unreachable(this.url, error);
        if (options.survivesRestart !== true) throw problem;
        mayBeTwice ||= !isRefused(error);
      }
      if (performance.now() + waitMs > untilMs) throw problem;
      await sleep(waitMs, undefined, { signal: this.#signal }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** What those use who send from their own code, for the same server and key. `failureOfSender` turns its errors into ours. */
  sender(options: Omit<SenderOptions, 'url' | 'key' | 'signal'>): RedshankClient {
    const { key } = this.#options;
    return new RedshankClient({
      ...options,
      url: this.url,
      ...(key !== undefined && key !== '' && { key }),
      signal: this.#signal,
    });
  }

  failureOfSender(error: unknown): unknown {
    if (!(error instanceof RedshankError)) return error;
    if (error.status === 0) return unreachable(this.url, error.cause ?? error);
    return failureOf(error.status, [error.title, error.message].filter((part) => part !== undefined).join(': '));
  }

  /** An answer that is not JSON. @throws CommandFailure as `get`. */
  async bytes(path: string): Promise<Uint8Array> {
    let response: Response;
    try {
      response = await this.#attempt('GET', path, {});
    } catch (error) {
      throw unreachable(this.url, error);
    }
    if (!response.ok) throw problemOf(response, await response.text());
    return new Uint8Array(await response.arrayBuffer());
  }

  /** An endless body, for server-sent events. The caller aborts `signal` to end it. */
  async stream(
    path: string,
    query: RequestOptions['query'],
    signal: AbortSignal,
    lastEventId?: string,
  ): Promise<ReadableStream<Uint8Array>> {
    let response: Response;
    try {
      response = await fetch(this.#target(path, query), {
        headers: this.#headers({
          accept: 'text/event-stream',
          ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        }),
        signal,
      });
    } catch (error) {
      throw unreachable(this.url, error);
    }
    if (!response.ok || response.body === null) throw problemOf(response, await response.text());
    return response.body;
  }

  async #attempt(method: string, path: string, options: RequestOptions): Promise<Response> {
    const { bytes } = options;
    const body = bytes ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    const type = bytes === undefined ? 'application/json' : 'application/octet-stream';
    return fetch(this.#target(path, options.query), {
      method,
      headers: this.#headers({ ...(body === undefined ? {} : { 'content-type': type }), ...options.headers }),
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(this.#options.requestTimeoutMs ?? 30_000)]),
    });
  }

  #target(path: string, query: RequestOptions['query'] = {}): string {
    const url = new URL(`${this.url}${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    return url.href;
  }

  #headers(headers: Readonly<Record<string, string>>): Record<string, string> {
    const key = this.#options.key;
    return { ...headers, ...(key === undefined || key === '' ? {} : { authorization: `Bearer ${key}` }) };
  }
}

function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new CommandFailure(ExitCode.usage, `--url must be an http or https URL, got ${JSON.stringify(text)}`);
  }
  return url.href.replace(/\/+$/, '');
}

function parseBody(text: string, url: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandFailure(ExitCode.failed, `what answers at ${url} is not Redshank: its answer is not JSON`, error);
  }
}

/** `Retry-After` as seconds or a date; undefined when absent. At most a minute. */
function retryAfterMs(response: Response): number | undefined {
  const header = response.headers.get('retry-after');
  if (header === null) return undefined;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(60_000, Math.max(0, ms)) : undefined;
}

function unreachable(url: string, error: unknown): CommandFailure {
  const isTimeout = error instanceof Error && error.name === 'TimeoutError';
  const reason = isTimeout ? 'it gave no answer in time' : causeOf(error);
  return new CommandFailure(
    ExitCode.unreachable,
    `cannot reach ${url}: ${reason}. Start a server with \`redshank start\`, or name another with --url or REDSHANK_URL`,
    error,
  );
}

/** Nothing listened: not one byte was sent. */
function isRefused(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED';
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause;
  if (isRefused(error)) return 'nothing listens there';
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}

const EXIT_BY_STATUS: Readonly<Record<number, ExitCode>> = {
  404: ExitCode.notFound,
  422: ExitCode.partial,
  503: ExitCode.unreachable,
  504: ExitCode.unreachable,
};
const ADVICE: Readonly<Record<number, string>> = {
  401: 'give a key with --key or REDSHANK_API_KEY; the first start of the server printed one',
  403: 'this key may not do that; use another with --key or REDSHANK_API_KEY',
  413: 'send smaller batches, for example --batch 200',
  429: 'too many requests; wait a little, or raise API_RATE_LIMIT on the server',
  503: 'the server is up but cannot do this now; its /ready says what is missing',
  504: 'the server is busy; try again in a while',
};

function wordsOf(text: string): string {
  try {
    const problem = JSON.parse(text) as { title?: unknown; detail?: unknown };
    return [problem.title, problem.detail].filter((part) => typeof part === 'string' && part !== '').join(': ');
  } catch {
    return text.slice(0, 200);
  }
}

/** RFC 9457 problem, or whatever else came, in words. */
function problemOf(response: Response, text: string): CommandFailure {
  const said = wordsOf(text);
  return failureOf(response.status, said === '' ? response.statusText : said);
}

function failureOf(status: number, said: string): CommandFailure {
  const advice = ADVICE[status];
  return new CommandFailure(
    EXIT_BY_STATUS[status] ?? ExitCode.failed,
    `${status} ${printable(said)}${advice === undefined ? '' : ` – ${advice}`}`,
  );
}
