import type { Logger } from 'pino';

/** The leases of a dead owner end within a third of their time of each other, and partitions move ten a second at most. */
const QUIET_MS = 2_000;
const LONGEST_MS = 30_000;

/**
 * Partitions that are taken over come in bursts: at the start, or when an owner dies or stops. A burst is told in one line, once
 * nothing came for 2 s, or every 30 s of one that does not end.
 */
export class TakeOverLog {
  readonly #logger: Logger;
  readonly #nowMs: () => number;
  #partitions = 0;
  #replayedRecords = 0;
  #slowestMs = 0;
  #beganMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param nowMs monotonic. */
  constructor(logger: Logger, nowMs: () => number) {
    this.#logger = logger;
    this.#nowMs = nowMs;
  }

  /** @param tookMs from the lease to the state at the end of what is committed. */
  add(replayedRecords: number, tookMs: number): void {
    if (this.#partitions === 0) this.#beganMs = this.#nowMs();
    this.#partitions++;
    this.#replayedRecords += replayedRecords;
    this.#slowestMs = Math.max(this.#slowestMs, tookMs);
    if (this.#nowMs() - this.#beganMs >= LONGEST_MS) this.tell();
    else if (this.#timer === undefined) this.#timer = setTimeout(() => this.tell(), QUIET_MS).unref();
    else this.#timer.refresh();
  }

  /** Tells of the burst in hand, if there is one. */
  tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#partitions === 0) return;
    const slowestMs = Math.round(this.#slowestMs);
    this.#logger.info({ partitions: this.#partitions, replayedRecords: this.#replayedRecords, slowestMs }, 'took over');
    this.#partitions = this.#replayedRecords = this.#slowestMs = 0;
  }
}
