/**
 * Says no before the pipeline drowns: refuses readings for a partition in which more chunks wait before some stage than may.
 *
 * Owners of partitions tell how far they are once a second (`stage.progress`). Where nothing was heard for a while, nobody may
 * own the partition: then the log itself is asked, a few partitions at a time, so that a stage that is gone cannot let its input
 * grow without bound.
 */
import { readChunkHeader } from '../../models/domain/chunk.js';
import { OverloadedError } from '../../models/errors.js';
import { STAGES, type StageName, type Topic } from '../../models/stages/stage.js';
import type { Journal } from '../../storage/journal/journal.js';

const MEASURE_EVERY_MS = 500;
const RETRY_AFTER_MS = 2_000;
/** Reports come once a second; one or two may get lost. */
const REPORT_LASTS_MS = 4_000;
/** What the log said holds as long, since asking costs a request or two. */
const ASK_AT_ONCE = 12;

/** A stage's input, and its output, whose last chunk says how far the stage has come. */
const TOPICS_OF: Readonly<Record<StageName, readonly [input: Topic, output: Topic]>> = {
  window: ['readings', 'frames'],
  scorer: ['frames', 'scores'],
  alerting: ['scores', 'alerts'],
};

interface Lag {
  chunks: number;
  /** Monotonic ms at which it was told or measured. */
  atMs: number;
}

export class BackPressure {
  readonly #journal: Journal;
  readonly #mostWaiting: number;
  readonly #nowMs: () => number;
  readonly #lags: Readonly<Record<StageName, Lag[]>>;
  #timer: NodeJS.Timeout | undefined;
  #isMeasuring = false;

  /**
   * @param mostWaiting chunks that may wait before one stage in one partition.
   * @param nowMs monotonic
   */
  constructor(journal: Journal, partitions: number, mostWaiting: number, nowMs: () => number) {
    this.#journal = journal;
    this.#mostWaiting = mostWaiting;
    this.#nowMs = nowMs;
    const unknown = (): Lag[] => Array.from({ length: partitions }, () => ({ chunks: 0, atMs: -Infinity }));
    this.#lags = { window: unknown(), scorer: unknown(), alerting: unknown() };
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

  /** An owner tells how many chunks wait. Names and numbers that are none of ours are passed over. */
  report(stage: string, partition: number, chunks: number): void {
    const lag = STAGES.some((name) => name === stage) ? this.#lags[stage as StageName][partition] : undefined;
    if (lag === undefined || !(chunks >= 0)) return;
    lag.chunks = chunks;
    lag.atMs = this.#nowMs();
  }

  /** Why readings of some partition are refused now, or undefined. */
  reason(): string | undefined {
    for (let partition = 0; partition < this.#lags.window.length; partition++) {
      const reason = this.#reasonIn(partition);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  /** @throws OverloadedError while too much waits in `partition`. */
  check(partition: number): void {
    const reason = this.#reasonIn(partition);
    if (reason !== undefined) throw new OverloadedError(reason, RETRY_AFTER_MS);
  }

  /** Asks the log about partitions of which nothing was heard lately, the longest unheard first. */
  async measure(): Promise<void> {
    const heardBefore = this.#nowMs() - REPORT_LASTS_MS;
    const unheard = STAGES.flatMap((stage) =>
      this.#lags[stage]
        .map((lag, partition) => ({ stage, lag, partition }))
        .filter(({ lag }) => lag.atMs < heardBefore),
    ).sort((a, b) => a.lag.atMs - b.lag.atMs);
    await Promise.all(
      unheard.slice(0, ASK_AT_ONCE).map(async ({ stage, lag, partition }) => {
        const askedMs = this.#nowMs();
        const chunks = await this.#waiting(stage, partition);
        // A report that came meanwhile is newer.
        if (lag.atMs >= askedMs) return;
        lag.chunks = chunks;
        lag.atMs = this.#nowMs();
      }),
    );
  }

  #reasonIn(partition: number): string | undefined {
    for (const stage of STAGES) {
      const chunks = this.#lags[stage][partition]?.chunks ?? 0;
      if (chunks > this.#mostWaiting) {
        return `${chunks} chunks of ${TOPICS_OF[stage][0]} wait in partition ${partition}, at most ${this.#mostWaiting} may`;
      }
    }
    return undefined;
  }

  async #waiting(stage: StageName, partition: number): Promise<number> {
    const [input, output] = TOPICS_OF[stage];
    const { last } = await this.#journal.state({ topic: input, partition });
    if (last === 0) return 0;
    const done = await this.#journal.lastRecord({ topic: output, partition });
    // Of a chunk that is done in part the rest waits.
    return Math.max(0, last - (done === undefined ? 0 : Math.floor(readChunkHeader(done.payload).to)));
  }
}
