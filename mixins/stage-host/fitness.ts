/** Tells a replica that is broken from a partition that is: nothing runs on the one, only one thing does not run on the other. */

/** A partition that fails so often in a row does not run here. */
const STRIKES = 4;
/** A run that went on for so long was none that failed. */
export const GOOD_RUN_MS = 10_000;
/** A fault that all replicas had in common is over some time, and then they should share again. */
const LONGEST_ASIDE_MS = 60_000;

export class Fitness {
  readonly #firstAsideMs: number;
  readonly #strikes = new Map<number, number>();
  #asideMs: number;

  /** @param firstAsideMs how long to stand aside the first time; each further time in a row twice as long, up to a minute. */
  constructor(firstAsideMs: number) {
    this.#firstAsideMs = firstAsideMs;
    this.#asideMs = firstAsideMs;
  }

  /** A partition has failed although its lease was ours. @param ranMs how long it ran after its take-over, 0 if it never did. */
  failed(partition: number, ranMs: number): void {
    const wasGood = ranMs >= GOOD_RUN_MS;
    if (wasGood) this.#asideMs = this.#firstAsideMs;
    this.#strikes.set(partition, wasGood ? 1 : (this.#strikes.get(partition) ?? 0) + 1);
  }

  /** A partition runs well, or has ended without a failure. */
  ended(partition: number): void {
    this.#strikes.delete(partition);
  }

  /** @returns for how many ms to stand aside and let others try; 0 while there is a partition that may still run here. */
  standAside(wanted: readonly number[]): number {
    if (wanted.length === 0 || !wanted.every((partition) => (this.#strikes.get(partition) ?? 0) >= STRIKES)) return 0;
    const forMs = this.#asideMs;
    this.#asideMs = Math.min(2 * forMs, LONGEST_ASIDE_MS);
    this.#strikes.clear();
    return forMs;
  }
}
