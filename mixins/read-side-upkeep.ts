/** Keeps the read side durable and bounded: flushes what is in memory, forgets what is too old. One a process. */
import type { Logger } from 'pino';
import type { ReadSide } from '../storage/read-side/read-side.js';
import type { Clock } from './clock.js';

const LOOK_EVERY_MS = 1_000;
const FLUSH_EVERY_MS = 10_000;
const FLUSH_ROWS = 50_000;
const EXPIRE_EVERY_MS = 600_000;
/** After a failure: a store that is away for minutes must not fill the log. */
const AGAIN_AFTER_MS = 10_000;
/** One expiry does a bounded amount. From so many rows on there may be more to do: it goes on at the next look. */
const EXPIRE_AGAIN_ROWS = 50_000;
const DAY_MS = 86_400_000;

export class ReadSideUpkeep {
  readonly #readSide: ReadSide;
  readonly #clock: Clock;
  /** From arrival. */
  readonly #historyDays: number;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #isWorking = false;
  #flushDueMs: number;
  #flushAgainMs = -Infinity;
  #expiryDueMs: number;

  constructor(readSide: ReadSide, clock: Clock, historyDays: number, logger: Logger) {
    this.#readSide = readSide;
    this.#clock = clock;
    this.#historyDays = historyDays;
    this.#logger = logger;
    this.#flushDueMs = clock.monotonicMs() + FLUSH_EVERY_MS;
    this.#expiryDueMs = clock.monotonicMs() + EXPIRE_EVERY_MS;
  }

  start(): void {
    this.#timer = setInterval(() => {
      if (this.#isWorking) return;
      this.#isWorking = true;
      this.#work = this.#look().finally(() => (this.#isWorking = false));
    }, LOOK_EVERY_MS);
  }

  /** Never fails: what could not be flushed comes again from the log. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#work;
    await this.#readSide.flush().catch((error: unknown) => this.#warn(error));
  }

  /** Each by itself: when nothing can be flushed, what is old goes all the same, and may be the room that was missing. */
  async #look(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const isFlushDue = nowMs >= this.#flushDueMs || this.#readSide.unflushedRows >= FLUSH_ROWS;
    if (isFlushDue && nowMs >= this.#flushAgainMs) {
      await this.#flush().catch((error: unknown) => {
        this.#warn(error);
        this.#flushAgainMs = this.#clock.monotonicMs() + AGAIN_AFTER_MS;
      });
    }
    if (nowMs >= this.#expiryDueMs) {
      await this.#expire().catch((error: unknown) => {
        this.#warn(error);
        this.#expiryDueMs = this.#clock.monotonicMs() + AGAIN_AFTER_MS;
      });
    }
  }

  async #flush(): Promise<void> {
    await this.#readSide.flush();
    this.#flushDueMs = this.#clock.monotonicMs() + FLUSH_EVERY_MS;
  }

  async #expire(): Promise<void> {
    const rows = await this.#readSide.expire(this.#clock.wallMs() - this.#historyDays * DAY_MS);
    if (rows < EXPIRE_AGAIN_ROWS) this.#expiryDueMs = this.#clock.monotonicMs() + EXPIRE_EVERY_MS;
  }

  #warn(error: unknown): void {
    this.#logger.warn({ err: error }, 'read side upkeep failed, trying again');
  }
}
