export interface Reading {
  /** 1–128 of letters, digits, `_ - . : @ /`. */
  readonly device: string;
  /** RFC 3339, or Unix ms. */
  readonly ts: string | number;
  /** 1–256 channels; null: no value now. */
  readonly values: Readonly<Record<string, number | null>>;
}

export interface Rejected {
  readonly reading: Reading;
  readonly reason: string;
}

export interface ClientOptions {
  /** Of the server, for example `http://127.0.0.1:8080`. */
  readonly url: string;
  /** An API key or a JSON web token. */
  readonly key?: string;
  /** Readings of one request. Default 500. */
  readonly maxBatch?: number;
  /** Longest that a reading waits for company, in ms. Default 1,000. */
  readonly maxDelayMs?: number;
  /** Readings kept in memory. Default 100,000. */
  readonly maxBuffered?: number;
  /** What happens to a reading when there is no room: it is not taken (`add` answers false), or the oldest goes. Default `reject`. */
  readonly onFull?: 'reject' | 'drop-oldest';
  /** Longest that one request may take, in ms. Default 30,000. */
  readonly requestTimeoutMs?: number;
  /** First and longest pause before a batch is sent again where the server names none, in ms. Default 250 and 30,000. */
  readonly firstRetryMs?: number;
  readonly longestRetryMs?: number;
  /** Ends everything. */
  readonly signal?: AbortSignal;
  /** Told of readings that the server will never take; it lists the first 100 of a batch, `count` counts all. */
  readonly onRejected?: (rejected: readonly Rejected[], count: number) => void;
  /** Told before a batch is sent again. */
  readonly onRetry?: (reason: RedshankError) => void;
  /** Told when nothing will be sent any more, for example since the key is refused. What waits stays in memory, unsent. */
  readonly onStopped?: (reason: Error) => void;
}

export interface ClientStats {
  readonly accepted: number;
  readonly rejected: number;
  /** For want of room. */
  readonly dropped: number;
  readonly requests: number;
  readonly retries: number;
  /** Not yet acknowledged. */
  readonly buffered: number;
}

/** What a server said against a request (RFC 9457); status 0: it could not be reached. */
export class RedshankError extends Error {
  readonly status: number;
  readonly type: string | undefined;
  readonly title: string | undefined;
  readonly retryAfterMs: number | undefined;
}

/**
 * Sends readings in batches, in order, and again until the server has taken them, each batch with an `Idempotency-Key` of its own.
 *
 * @throws RangeError, TypeError for options that cannot be used
 * @example
 * const client = new RedshankClient({ url: 'http://127.0.0.1:8080', key: process.env.REDSHANK_API_KEY });
 * client.add({ device: 'pump-7', ts: Date.now(), values: { temp: 71.2 } });
 * await client.close();
 */
export class RedshankClient {
  constructor(options: ClientOptions);
  /** Takes a reading; sends it soon. @returns false when there was no room for it. @throws Error once nothing is sent any more */
  add(reading: Reading): boolean;
  /** Resolves when all that was added is acknowledged or refused. @throws RedshankError when not within `timeoutMs`, or never */
  flush(options?: { readonly timeoutMs?: number }): Promise<void>;
  /** Flushes, and takes no more. Call it before the process ends. @throws as `flush` */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
  stats(): ClientStats;
  /** The rest answers as docs/http.md says. @throws RedshankError */
  device(id: string): Promise<Record<string, unknown>>;
  devices(): AsyncGenerator<Record<string, unknown>>;
  /** Oldest first; without `from` the latest `limit`. */
  scores(
    id: string,
    range?: { readonly from?: string | number | Date; readonly to?: string | number | Date; readonly limit?: number },
  ): AsyncGenerator<Record<string, unknown>>;
  alerts(filter?: { readonly status?: string; readonly device?: string }): AsyncGenerator<Record<string, unknown>>;
  acknowledge(id: string, note?: string): Promise<Record<string, unknown>>;
  resolve(id: string, note?: string): Promise<Record<string, unknown>>;
  feedback(id: string, verdict: 'anomaly' | 'normal', note?: string): Promise<Record<string, unknown>>;
  predict(
    data: readonly (readonly number[])[],
    options?: { readonly windowSize?: number; readonly method?: string },
  ): Promise<Record<string, unknown>>;
}
