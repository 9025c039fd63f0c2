/** Keeps the read side durable and bounded: flushes what is in memory, forgets what is too old. One a process. */
import type { Logger } from 'pino';
import type { ReadSide } from '../storage/read-side/read-side.js';
import type { Clock } from './clock.js';

const LOOK_EVERY_MS = 1_000;
const FLUSH_EVERY_MS = 10_000;
const FLUSH_ROWS = 50_000;
const EXPIRE_EVERY_MS = 600_000;
const DAY_MS = 86_400_000;

export class ReadSideUpkeep {
  readonly #readSide: ReadSide;
  readonly #clock: Clock;
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
      this.#work = this.#look()
        .catch((error: unknown) => this.#logger.warn({ err: error }, 'read side upkeep failed, trying again'))
        .finally(() => (this.#isWorking = false));
    }, LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#work;
    await this.#readSide.flush();
  }

  async #look(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#flushedMs >= FLUSH_EVERY_MS || this.#readSide.unflushedRows >= FLUSH_ROWS) {
      await this.#readSide.flush();
      this.#flushedMs = this.#clock.monotonicMs();
    }
    if (nowMs - this.#expiredMs >= EXPIRE_EVERY_MS) {
      await this.#readSide.expire(this.#clock.wallMs() - this.#historyDays * DAY_MS);
      this.#expiredMs = this.#clock.monotonicMs();
    }
  }
}
