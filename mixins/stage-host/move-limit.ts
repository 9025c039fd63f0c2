import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Bounds how many partitions move at once and how many a second, so that a replica that joins does not make all the others
 * pause together.
 */
export class MoveLimit {
  readonly #atOnce: number;
  readonly #gapMs: number;
  readonly #nowMs: () => number;
  #running = 0;
  #nextStartMs = -Infinity;
  readonly #waiting: (() => void)[] = [];

  /** @param nowMs monotonic */
  constructor(atOnce: number, aSecond: number, nowMs: () => number) {
    this.#atOnce = atOnce;
    this.#gapMs = 1_000 / aSecond;
    this.#nowMs = nowMs;
  }

  /** Runs `work` when it is its turn. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      const startMs = Math.max(this.#nowMs(), this.#nextStartMs);
      this.#nextStartMs = startMs + this.#gapMs;
      if (startMs > this.#nowMs()) await sleep(startMs - this.#nowMs());
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
