/**
 * Says no before the pipeline drowns: measures from the log itself how many chunks wait before each stage, and refuses
 * readings while that is more than allowed. Nobody has to report anything, so it works alike in one process and in many.
 */
import { readChunkHeader } from '../../models/domain/chunk.js';
import { OverloadedError } from '../../models/errors.js';
import type { Topic } from '../../models/stages/stage.js';
import type { Journal } from '../../storage/journal/journal.js';

const MEASURE_EVERY_MS = 500;
const RETRY_AFTER_MS = 2_000;
/** A stage's input beside its output, whose last chunk says how far the stage has come. */
const STEPS: readonly (readonly [input: Topic, output: Topic])[] = [
  ['readings', 'frames'],
  ['frames', 'scores'],
  ['scores', 'alerts'],
];

export class BackPressure {
  readonly #journal: Journal;
  readonly #partitions: number;
  readonly #mostWaiting: number;
  #timer: NodeJS.Timeout | undefined;
  #isMeasuring = false;
  #reason: string | undefined;

  /** @param mostWaiting chunks that may wait before one stage in one partition. */
  constructor(journal: Journal, partitions: number, mostWaiting: number) {
    this.#journal = journal;
    this.#partitions = partitions;
    this.#mostWaiting = mostWaiting;
  }

  start(failed: (error: unknown) => void): void {
    this.#timer = setInterval(() => {
      if (this.#isMeasuring) return;
      this.#isMeasuring = true;
      this.measure()
        .catch(failed)
        .finally(() => (this.#isMeasuring = false));
    }, MEASURE_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Why readings are refused now, or undefined. */
  reason(): string | undefined {
    return this.#reason;
  }

  /** @throws OverloadedError while too much waits. */
  check(): void {
    if (this.#reason !== undefined) throw new OverloadedError(this.#reason, RETRY_AFTER_MS);
  }

  async measure(): Promise<void> {
    let reason: string | undefined;
    for (let partition = 0; partition < this.#partitions; partition++) {
      for (const [input, output] of STEPS) {
        const waiting = await this.#waiting(input, output, partition);
        if (waiting > this.#mostWaiting) {
          reason = `${waiting} chunks of ${input} wait in partition ${partition}, at most ${this.#mostWaiting} may`;
        }
      }
    }
    this.#reason = reason;
  }

  async #waiting(input: Topic, output: Topic, partition: number): Promise<number> {
    const { last } = await this.#journal.state({ topic: input, partition });
    if (last === 0) return 0;
    const done = await this.#journal.lastRecord({ topic: output, partition });
    return last - (done === undefined ? 0 : readChunkHeader(done.payload).to);
  }
}
