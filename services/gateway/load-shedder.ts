/** Says no while there is still time to say it: a process that takes everything answers nobody. */
import { OverloadedError } from '../../models/errors.js';

export interface LoadShedderOptions {
  /** Requests in hand beyond which further ones are refused. */
  readonly mostRunning: number;
  /** Requests that are taken also while the event loop is late: what one heavy request costs is no overload. */
  readonly mostWhileLate?: number;
  /** ms, monotonic */
  readonly nowMs: () => number;
}

const MOST_WHILE_LATE = 32;
const LOOK_EVERY_MS = 100;
/** A timer that fires so much after its time has a loop behind it that does not keep up. */
const LATE_MS = 250;
/** For so long after it was late; then it is looked at anew. */
const REFUSES_FOR_MS = 500;
const RETRY_AFTER_MS = 1_000;

export class LoadShedder {
  readonly #options: LoadShedderOptions;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = 0;
  #refusesUntilMs = -Infinity;

  constructor(options: LoadShedderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#dueMs = this.#options.nowMs() + LOOK_EVERY_MS;
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Called by the timer. */
  look(): void {
    const nowMs = this.#options.nowMs();
    if (nowMs - this.#dueMs >= LATE_MS) this.#refusesUntilMs = nowMs + REFUSES_FOR_MS;
    this.#dueMs = nowMs + LOOK_EVERY_MS;
  }

  /**
   * @param running requests in hand, this one among them
   * @throws OverloadedError
   */
  check(running: number): void {
    const { mostRunning, mostWhileLate = MOST_WHILE_LATE, nowMs } = this.#options;
    if (running > mostRunning) throw new OverloadedError(`${running - 1} requests are being answered`, RETRY_AFTER_MS);
    if (running > mostWhileLate && nowMs() < this.#refusesUntilMs) {
      throw new OverloadedError('the gateway is behind with its answers', RETRY_AFTER_MS);
    }
  }
}
