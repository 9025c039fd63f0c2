/** Keeps the read side durable and bounded: flushes what is in memory, forgets what is too old. One a process. */
import type { Logger } from 'pino';
import type { ReadSide } from '../storage/read-side/read-side.js';
import type { Clock } from './clock.js';

const LOOK_EVERY_MS = 1_000;
const FLUSH_EVERY_MS = 10_000;
const FLUSH_ROWS = 50_000;
const EXPIRE_EVERY_MS = 600_000;
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
  #flushedMs: number;
  #expiredMs: number;

  constructor(readSide: ReadSide, clock: Clock, historyDays: number, logger: Logger) {
    this.#readSide = readSide;
    this.#clock = clock;
    this.#historyDays = historyDays;
    this.#logger = logger;
    this.#flushedMs = clock.monotonicMs();
    this.#expiredMs = clock.monotonicMs();
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
    if (nowMs - this.#flushedMs >= FLUSH_EVERY_MS || this.#readSide.unflushedRows >= FLUSH_ROWS) {
      await this.#flush().catch((error: unknown) => this.#warn(error));
    }
    if (nowMs - this.#expiredMs >= EXPIRE_EVERY_MS) await this.#expire().catch((error: unknown) => this.#warn(error));
  }

  async #flush(): Promise<void> {
    await this.#readSide.flush();
    this.#flushedMs = this.#clock.monotonicMs();
  }

  async #expire(): Promise<void> {
    const rows = await this.#readSide.expire(this.#clock.wallMs() - this.#historyDays * DAY_MS);
    if (rows < EXPIRE_AGAIN_ROWS) this.#expiredMs = this.#clock.monotonicMs();
  }

  #warn(error: unknown): void {
    this.#logger.warn({ err: error }, 'read side upkeep failed, trying again');
  }
}
