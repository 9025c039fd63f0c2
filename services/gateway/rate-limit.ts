/** Requests a minute a key, counted in fixed windows. */
import { RateLimitedError } from '../../models/errors.js';

const WINDOW_MS = 60_000;
/** Keys counted at once. More of them than there can be keys, so this is a belt on braces. */
const MOST_NAMES = 10_000;

export class RateLimit {
  readonly #perMinute: number;
  readonly #counts = new Map<string, number>();
  #window = -1;

  /** @param perMinute requests a name may make in one minute of the clock, >= 1. */
  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  /** Counts one request. @throws RateLimitedError with `data.retryAfterMs`. */
  take(name: string, nowMs: number): void {
    const window = Math.floor(nowMs / WINDOW_MS);
    if (window !== this.#window) {
      this.#window = window;
      this.#counts.clear();
    }
    const count = (this.#counts.get(name) ?? 0) + 1;
    if (count > this.#perMinute || (count === 1 && this.#counts.size >= MOST_NAMES)) {
      const retryAfterMs = (window + 1) * WINDOW_MS - nowMs;
      throw new RateLimitedError(`at most ${this.#perMinute} requests a minute a key`, retryAfterMs);
    }
    this.#counts.set(name, count);
  }
}
