import type { Logger } from 'pino';

/** A collector that is read once an hour still sees how often; a disk is not filled. */
const TOLD_EVERY_MS = 60_000;

/**
 * A fault that comes again and again while a server is away, for each of many partitions: told when it begins and once a minute
 * from then on, with how often it came since. All of it is told at `debug`.
 */
export class RecurringFault {
  readonly #logger: Logger;
  readonly #level: 'warn' | 'error';
  readonly #message: string;
  readonly #nowMs: () => number;
  #times = 0;
  #dueMs = -Infinity;

  /** @param nowMs monotonic. */
  constructor(logger: Logger, level: 'warn' | 'error', message: string, nowMs: () => number) {
    this.#logger = logger;
    this.#level = level;
    this.#message = message;
    this.#nowMs = nowMs;
  }

  /** @param fields what else is known of this time, for example the partition. */
  happened(error: unknown, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#times++;
    const nowMs = this.#nowMs();
    if (nowMs < this.#dueMs) {
      this.#logger.debug({ ...fields, err: error }, this.#message);
      return;
    }
    this.#logger[this.#level]({ ...fields, err: error, times: this.#times }, this.#message);
    this.#times = 0;
    this.#dueMs = nowMs + TOLD_EVERY_MS;
  }
}
