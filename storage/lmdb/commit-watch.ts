/** Judges how long a commit takes, by a clock that stands still while this process does. */

/** Looks in the time allowed: each can be late by as much as it is long without counting for more. */
const LOOKS = 30;

/**
 * Only time in which the timer itself ran on time counts: when the event loop is held up, or the process is stopped for a
 * minute, the commit may long be done, and merely nobody could be told.
 */
export class CommitWatch {
  /** What `late` rejects with. */
  static readonly late = Symbol('late');
  /** Rejects when `timeoutMs` of watched time are over; never resolves. */
  readonly late: Promise<never>;
  readonly #timer: NodeJS.Timeout;

  /** @param timeoutMs > 0. */
  constructor(timeoutMs: number) {
    const lookEveryMs = Math.max(1, timeoutMs / LOOKS);
    let watchedMs = 0;
    let lookedMs = performance.now();
    let reject: (reason: symbol) => void = () => undefined;
    this.late = new Promise<never>((_resolve, onReject) => (reject = onReject));
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      watchedMs += Math.min(nowMs - lookedMs, 2 * lookEveryMs);
      lookedMs = nowMs;
      if (watchedMs >= timeoutMs) reject(CommitWatch.late);
    }, lookEveryMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
