/**
 * Keeps the read side at the end of an output topic.
 *
 * In the ordinary case the batch that was just committed is shown as it is, without reading it back. After a restart, or when
 * the read side was away or slow, what it missed is delivered from the log. The read side may fail for as long as it likes:
 * the stage does not wait for it, and nothing is lost.
 *
 * It may also lose what it had: emptied, replaced, restored from an old copy, failed over without its last writes. With each write
 * it is told what it must have shown before, and refuses when it has not; and while nothing is written, it is asked every few
 * seconds how far it is. Where it is further than the log, it shows another one, of which nothing may stay: NATS was replaced or
 * restored from a backup, Redis was not. A mark that says "this is still the same store" would be cheaper by a few commands a second, but an old
 * copy has the same mark; the position says all of it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageFailedError } from '../../models/errors.js';
import type { ReadSideProgress } from '../../models/routing/cluster-view.js';
import type { OutputBatch, Topic } from '../../models/stages/stage.js';
import type { Journal } from '../../storage/journal/journal.js';
import { widelyHeard } from '../widely-heard.js';

export interface ProjectionTarget<Output extends OutputBatch> {
  readonly topic: Topic;
  /** Everything up to here is kept by the read side, for as long as it has not gone back. */
  position(partition: number): Promise<number>;
  /**
   * Must have copied what it needs of `batch` when it returns its promise; several may be under way, in order. Rejects when it does
   * not show everything up to `after`. Resolves with the position.
   */
  write(partition: number, sequence: number, batch: Output, after: number): Promise<number>;
  /** Forgets everything, of all partitions: what the read side has is of another log. */
  forget(): Promise<void>;
  decode(bytes: Uint8Array): Output;
}

export interface ProjectionOptions {
  /** How often the position is asked for while nothing is delivered, in ms. Default 5,000. */
  readonly checkEveryMs?: number;
}

const CATCH_UP_RECORDS = 256;
const CATCH_UP_BYTES = 4_194_304;
const LONGEST_WAIT_MS = 1_000;
const RETRY_MS = 1_000;
const CHECK_EVERY_MS = 5_000;
/** Writes under way. With more the read side is slow: what comes then is read from the log, many at once. */
const MOST_UNDER_WAY = 64;

export class Projection<Output extends OutputBatch> {
  readonly #target: ProjectionTarget<Output>;
  readonly #journal: Journal;
  readonly #partition: number;
  readonly #failed: (error: unknown) => void;
  readonly #stopping = widelyHeard();
  readonly #check: NodeJS.Timeout;
  /** Everything up to here was handed to the read side; undefined while it is not known how far it is. */
  #handedOver: number | undefined;
  /** Of that, the last that it was written; it is not told of chunks without records. */
  #written = 0;
  /** The highest position that it said, since it last went back. */
  #kept = 0;
  #wanted = 0;
  /** With the sequence of each, in their order. */
  readonly #underWay = new Map<Promise<void>, number>();
  #work: Promise<void> | undefined;
  #checking: Promise<void> | undefined;

  constructor(
    target: ProjectionTarget<Output>,
    journal: Journal,
    partition: number,
    failed: (error: unknown) => void,
    { checkEveryMs = CHECK_EVERY_MS }: ProjectionOptions = {},
  ) {
    this.#target = target;
    this.#journal = journal;
    this.#partition = partition;
    this.#failed = failed;
    this.#check = setInterval(() => {
      this.#checking ??= this.#look().finally(() => (this.#checking = undefined));
    }, checkEveryMs);
  }

  /** How far the read side is, and how far it should be, in sequences; undefined while that is not known. */
  get progress(): ReadSideProgress | undefined {
    if (this.#handedOver === undefined) return undefined;
    const [onItsWay] = this.#underWay.values();
    const end = Math.max(this.#wanted, this.#handedOver);
    return { shown: onItsWay === undefined ? this.#handedOver : onItsWay - 1, end };
  }

  /** The batch is committed as `sequence`: show it, and whatever is missing before it. Returns at once. */
  show(sequence: number, batch: Output): void {
    this.#wanted = Math.max(this.#wanted, sequence);
    if (this.#work !== undefined) return; // the work in hand goes on to `#wanted`
    if (this.#handedOver !== sequence - 1 || this.#underWay.size >= MOST_UNDER_WAY) this.#start(this.#catchUp());
    else void this.#handOver(sequence, batch);
  }

  /** Delivers from the log up to `last`. Returns at once. */
  catchUp(last: number): void {
    this.#wanted = Math.max(this.#wanted, last);
    if (this.#work === undefined) this.#start(this.#catchUp());
  }

  /** The read side was told to forget: asks it how far it is, and goes on from there. Returns at once. */
  again(): void {
    this.#handedOver = undefined;
    if (this.#work === undefined) this.#start(this.#catchUp());
  }

  /** Resolves when the work in hand is done or given up. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#check);
    await this.#work;
    await Promise.all([...this.#underWay.keys(), this.#checking]);
  }

  /** Never rejects. */
  #handOver(sequence: number, batch: Output): Promise<void> {
    this.#handedOver = sequence;
    if (batch.length === 0) return Promise.resolve();
    const after = this.#written;
    this.#written = sequence;
    const write = this.#target.write(this.#partition, sequence, batch, after).then(
      (position) => {
        this.#kept = Math.max(this.#kept, position);
      },
      (error: unknown) => this.#lost(error),
    );
    const underWay = write.finally(() => this.#underWay.delete(underWay));
    this.#underWay.set(underWay, sequence);
    return underWay;
  }

  async #catchUp(): Promise<void> {
    await Promise.all(this.#underWay.keys());
    const stream = { topic: this.#target.topic, partition: this.#partition };
    // In this order: asked before, the log may have gone on since.
    const isUnknown = this.#handedOver === undefined;
    const position = isUnknown ? await this.#target.position(this.#partition) : 0;
    const { first, last } = await this.#journal.state(stream);
    if (position > last) {
      await this.#target.forget();
      throw new StorageFailedError(
        `${this.#target.topic}.${this.#partition}: the read side showed record ${position} of a log that ends at ${last}, and was told to forget`,
      );
    }
    if (isUnknown) this.#handedOver = this.#written = this.#kept = position;
    // Told to begin again meanwhile.
    if (this.#handedOver === undefined) return;
    let handedOver = (this.#handedOver = Math.max(this.#handedOver, first - 1));
    const reader = this.#journal.read(stream, handedOver + 1);
    try {
      while (handedOver < this.#wanted && !this.#stopping.signal.aborted) {
        const records = await reader.next(CATCH_UP_RECORDS, CATCH_UP_BYTES, LONGEST_WAIT_MS);
        // Together: the read side makes one write of them if it can.
        await Promise.all(
          records.map(({ sequence, payload }) => this.#handOver(sequence, this.#target.decode(payload))),
        );
        if (this.#isLost()) {
          await this.#pause();
          return;
        }
        handedOver = records.at(-1)?.sequence ?? handedOver;
      }
    } finally {
      reader.close();
    }
  }

  /** Whether the read side still has what it had. That it does not answer says nothing: what was lost shows when it does. */
  async #look(): Promise<void> {
    if (this.#work !== undefined || this.#underWay.size > 0) return;
    const kept = this.#kept;
    const position = await this.#target.position(this.#partition).catch(() => kept);
    if (this.#isWorking() || this.#handedOver === undefined) return;
    if (position >= kept && position <= this.#handedOver) return;
    const expected =
      position < kept ? `went back from ${kept}` : `was handed over records up to ${this.#handedOver}, and went`;
    this.#lost(
      new StorageFailedError(`${this.#target.topic}.${this.#partition}: the read side ${expected} to ${position}`),
    );
  }

  /** What was handed over did not arrive, or is gone: go on from where the read side says it is. Told once, not for each chunk. */
  #lost(error: unknown): void {
    if (this.#handedOver === undefined) return;
    this.#handedOver = undefined;
    this.#failed(error);
    if (this.#work === undefined) this.#start(this.#pause());
  }

  /** Also while others were at work in between. */
  #isLost(): boolean {
    return this.#handedOver === undefined;
  }

  #isWorking(): boolean {
    return this.#work !== undefined;
  }

  async #pause(): Promise<void> {
    await sleep(RETRY_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  #start(work: Promise<void>): void {
    this.#work = work
      .catch(async (error: unknown) => {
        this.#handedOver = undefined;
        this.#failed(error);
        await this.#pause();
      })
      .then(() => {
        this.#work = undefined;
        const isBehind = this.#handedOver === undefined || this.#handedOver < this.#wanted;
        if (isBehind && !this.#stopping.signal.aborted) this.#start(this.#catchUp());
      });
  }
}
