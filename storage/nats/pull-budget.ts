/**
 * How much all feeds of a connection may ask for together. A server ends the connection of a client for which more than
 * `max_pending` bytes (64 MB by default) wait: a member that had been away and asks for all that it lacks, in every partition at
 * once, would be cut off, ask again, and never get anywhere.
 */

/** A quarter of what a server lets wait by default. */
const MOST_BYTES = 16 * 2 ** 20;
const LEAST_BYTES = 2 ** 17;
const MOST_EACH_BYTES = 2 ** 20;
/** Messages that are larger than a pull come alone, with a round trip each: pulls should not be much smaller than most of them. */
const LEAST_EACH_BYTES = 2 ** 14;
/** After so long without a break of the connection the budget doubles. */
const CALM_MS = 30_000;

export class PullBudget {
  #feeds = 0;
  #bytes = MOST_BYTES;
  #changedMs = -Infinity;

  join(): void {
    this.#feeds++;
  }

  leave(): void {
    this.#feeds--;
  }

  /** The connection broke, perhaps because it could not carry what was asked for: halves the budget. @param nowMs monotonic */
  connectionLost(nowMs: number): void {
    this.#bytes = Math.max(LEAST_BYTES, this.#bytes / 2);
    this.#changedMs = nowMs;
  }

  /** Bytes that one pull may ask for. @param nowMs monotonic */
  bytesEach(nowMs: number): number {
    while (this.#bytes < MOST_BYTES && nowMs - this.#changedMs >= CALM_MS) {
      this.#bytes *= 2;
      this.#changedMs += CALM_MS;
    }
    const share = Math.floor(this.#bytes / Math.max(1, this.#feeds));
    return Math.max(LEAST_EACH_BYTES, Math.min(MOST_EACH_BYTES, share));
  }
}
