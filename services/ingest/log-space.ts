/** Shows how full the log is: a log without room takes no reading. */
import type { LogSpace } from '../../storage/storage.js';
import type { IngestMetrics } from './ingest-metrics.js';

const MEASURE_EVERY_MS = 10_000;

export class LogSpaceWatch {
  readonly #look: () => Promise<LogSpace>;
  readonly #metrics: Pick<IngestMetrics, 'logUsed' | 'logFree'>;
  readonly #failed: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #shortage: string | undefined;

  /** @param failed told of each time that it could not be found out */
  constructor(
    look: () => Promise<LogSpace>,
    metrics: Pick<IngestMetrics, 'logUsed' | 'logFree'>,
    failed: (error: unknown) => void,
  ) {
    this.#look = look;
    this.#metrics = metrics;
    this.#failed = failed;
    // Shown as no value until it is known: 0 would wake somebody.
    metrics.logFree.remove();
  }

  /** Why no reading can be taken, when last looked at; undefined: there is room. */
  get shortage(): string | undefined {
    return this.#shortage;
  }

  start(): void {
    const measure = (): void => void this.measure().catch(this.#failed);
    measure();
    this.#timer = setInterval(measure, MEASURE_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async measure(): Promise<void> {
    const { usedBytes, freeBytes, neededBytes = 0 } = await this.#look();
    this.#shortage =
      freeBytes !== undefined && freeBytes < neededBytes
        ? `the log is full: ${freeBytes} bytes are free, and readings need ${neededBytes}: make room on the disk`
        : undefined;
    this.#metrics.logUsed.set(usedBytes);
    if (freeBytes === undefined) this.#metrics.logFree.remove();
    else this.#metrics.logFree.set(freeBytes);
  }
}
