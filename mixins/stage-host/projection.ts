/**
 * Keeps the read side at the end of an output topic.
 *
 * In the ordinary case the batch that was just committed is shown as it is, without reading it back. After a restart, or when
 * the read side was away or slow, what it missed is delivered from the log. The read side may fail for as long as it likes:
 * the stage does not wait for it, and nothing is lost.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { OutputBatch, Topic } from '../../models/stages/stage.js';
import type { Journal } from '../../storage/journal/journal.js';

export interface ProjectionTarget<Output extends OutputBatch> {
  readonly topic: Topic;
  /** Everything up to here is kept by the read side for good. */
  position(partition: number): Promise<number>;
  /** Must have copied what it needs of `batch` when it returns its promise. */
  write(partition: number, sequence: number, batch: Output): Promise<void>;
  decode(bytes: Uint8Array): Output;
}

const CATCH_UP_RECORDS = 256;
const CATCH_UP_BYTES = 4_194_304;
const LONGEST_WAIT_MS = 1_000;
const RETRY_MS = 1_000;

export class Projection<Output extends OutputBatch> {
  readonly #target: ProjectionTarget<Output>;
  readonly #journal: Journal;
  readonly #partition: number;
  readonly #failed: (error: unknown) => void;
  readonly #stopping = new AbortController();
  /** The read side has been shown everything up to here; undefined while that is not known. */
  #shown: number | undefined;
  #wanted = 0;
  #work: Promise<void> | undefined;

  constructor(target: ProjectionTarget<Output>, journal: Journal, partition: number, failed: (error: unknown) => void) {
    this.#target = target;
    this.#journal = journal;
    this.#partition = partition;
    this.#failed = failed;
  }

  /** Records that the read side has yet to be shown; undefined while it is not known how far it is. */
  get unshown(): number | undefined {
    return this.#shown === undefined ? undefined : Math.max(0, this.#wanted - this.#shown);
  }

  /** The batch is committed as `sequence`: show it, and whatever is missing before it. Returns at once. */
  show(sequence: number, batch: Output): void {
    this.#wanted = Math.max(this.#wanted, sequence);
    if (this.#work !== undefined) return; // the work in hand goes on to `#wanted`
    if (this.#shown !== sequence - 1) this.#start(this.#catchUp());
    else if (batch.length === 0) this.#shown = sequence;
    else this.#start(this.#showNow(sequence, batch));
  }

  /** Delivers from the log up to `last`. Returns at once. */
  catchUp(last: number): void {
    this.#wanted = Math.max(this.#wanted, last);
    if (this.#work === undefined) this.#start(this.#catchUp());
  }

  /** Resolves when the work in hand is done or given up. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
  }

  async #showNow(sequence: number, batch: Output): Promise<void> {
    await this.#target.write(this.#partition, sequence, batch);
    this.#shown = sequence;
  }

  async #catchUp(): Promise<void> {
    const stream = { topic: this.#target.topic, partition: this.#partition };
    const { first } = await this.#journal.state(stream);
    this.#shown ??= await this.#target.position(this.#partition);
    this.#shown = Math.max(this.#shown, first - 1);
    const reader = this.#journal.read(stream, this.#shown + 1);
    try {
      while (this.#shown < this.#wanted && !this.#stopping.signal.aborted) {
        for (const record of await reader.next(CATCH_UP_RECORDS, CATCH_UP_BYTES, LONGEST_WAIT_MS)) {
          const batch = this.#target.decode(record.payload);
          if (batch.length > 0) await this.#target.write(this.#partition, record.sequence, batch);
          this.#shown = record.sequence;
        }
      }
    } finally {
      reader.close();
    }
  }

  #start(work: Promise<void>): void {
    this.#work = work
      .catch(async (error: unknown) => {
        this.#shown = undefined;
        this.#failed(error);
        await sleep(RETRY_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      })
      .then(() => {
        this.#work = undefined;
        const isBehind = this.#shown === undefined || this.#shown < this.#wanted;
        if (isBehind && !this.#stopping.signal.aborted) this.#start(this.#catchUp());
      });
  }
}
