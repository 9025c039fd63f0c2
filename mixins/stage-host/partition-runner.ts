/**
 * Runs a stage on one partition, from taking over to stepping down. The protocol, and why it loses and doubles nothing:
 *
 * 1. The last chunk of the *output* topic says up to which input position results are committed. The runner appends an
 *    epoch-opening chunk behind it, with "expected last sequence". From now on every append of an earlier owner is refused.
 * 2. State comes from the newest snapshot at or before that position, and from replaying the input up to it with the output
 *    thrown away. Steps are pure, so the state is what the earlier owner had.
 * 3. Each commit is one append `{epoch, from, to, records}`: results and position are stored together or not at all.
 * 4. A refused commit is looked at: a newer epoch means step down; our own epoch means that the append had worked, although
 *    we were told otherwise.
 * 5. Results that do not fit into one message are cut into several. Each but the last says how many rows of what follows the
 *    position are said, and whoever takes over leaves out as many: steps are pure, so they come again in the same order.
 */
import { chunkTimeMs, readChunkHeader } from '../../models/domain/chunk.js';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import { FencedError, StorageCorruptError, StorageFailedError } from '../../models/errors.js';
import { commitMark, readCommitMark } from './commit-mark.js';
import type { InputBatch, OutputBatch, Stage } from '../../models/stages/stage.js';
import type { Blobs } from '../../storage/blobs/blobs.js';
import { streamName, type Journal, type JournalRecord, type StreamId } from '../../storage/journal/journal.js';
import type { Lease } from '../../storage/leases/leases.js';
import type { Clock } from '../clock.js';
import type { TraceHook } from '../tracing/stage-trace.js';
import { Snapshots } from './snapshots.js';
import { Turns } from './turns.js';

export interface RunnerOptions {
  /** Take a snapshot after this many ms … */
  readonly snapshotEveryMs: number;
  /** … or this many input records, whichever comes first. */
  readonly snapshotEveryRecords: number;
  /** Longest run of steps without giving way to other work, in ms. */
  readonly sliceMs: number;
  /** A position without results may stay uncommitted this long, in ms: a crash repeats that much reading, nothing else. */
  readonly idleCommitMs: number;
  /** Shared by all partitions of a process. */
  readonly snapshotTurns: Turns;
  /** False takes the fence out. For the negative control of the crash tests only. */
  readonly isFenced: boolean;
}

export const DEFAULT_RUNNER_OPTIONS: RunnerOptions = {
  snapshotEveryMs: 60_000,
  snapshotEveryRecords: 50_000,
  sliceMs: 15,
  idleCommitMs: 1_000,
  snapshotTurns: new Turns(),
  isFenced: true,
};

/** What a runner tells its host. All of it is for watching; correctness needs none. */
export interface RunnerObserver<Output extends OutputBatch> {
  /** A commit, with results or without, is durable. `batch` is only valid during the call. */
  committed(partition: number, sequence: number, batch: Output): void;
  /** Ms spent on input since the last time. */
  worked(ms: number): void;
  /** Awaited: the place to trim what no replay needs any more, which is input at or before `replayFloor`; 0: nothing. */
  snapshotTaken(partition: number, position: number, bytes: number, tookMs: number, replayFloor: number): Promise<void>;
  snapshotFailed(partition: number, error: unknown): void;
  snapshotUnreadable(partition: number, position: number, error: unknown): void;
  tookOver(partition: number, epoch: number, replayedRecords: number, tookMs: number): Promise<void>;
}

const READ_RECORDS = 256;
const READ_BYTES = 4_194_304;
const LONGEST_WAIT_MS = 1_000;
const OPEN_ATTEMPTS = 5;
/** After a snapshot that failed. */
const SNAPSHOT_RETRY_MS = 30_000;
const RECORDS_A_DEVICE = 20;
/** A commit is due from here on. */
const LARGEST_COMMIT_RECORDS = 2_000;
/**
 * No chunk is larger, unless it has one row: NATS takes 1 MB by default. Records do not bound it: a reading of one value makes a
 * frame of all channels of its device, up to 1,024, and at one moment a whole fleet may fall silent.
 */
const LARGEST_COMMIT_BYTES = 900_000;

export class PartitionRunner<State, Input extends InputBatch, Output extends OutputBatch> {
  readonly partition: number;
  readonly lease: Lease;
  readonly #stage: Stage<State, Input, Output>;
  readonly #journal: Journal;
  readonly #snapshots: Snapshots;
  readonly #clock: Clock;
  readonly #options: RunnerOptions;
  readonly #observer: RunnerObserver<Output>;
  readonly #trace: TraceHook | undefined;
  readonly #input: StreamId;
  readonly #output: StreamId;
  readonly #batch: Output;

  #state: State;
  #epoch: number;
  /** Input up to here is in the state. */
  #position = 0;
  /** Input up to here is in the output topic. */
  #committed = 0;
  /** Of what follows from the input behind it, so many rows are there, too. */
  #said = 0;
  #outputLast = 0;
  /** Latest log time of what this run has stepped; the state itself remembers what came before its snapshot. */
  #steppedTimeMs = 0;
  /** Latest log time in the output topic, or stepped: goes into the headers of commits. */
  #logTimeMs = 0;
  #recordsSinceSnapshot = 0;
  #snapshotDueMs = 0;
  #snapshotPosition = 0;
  #snapshotRetryMs = -Infinity;
  /** After a tick that the log did not take. */
  #tickRetryMs = -Infinity;
  #lastCommitMs = 0;
  #isStopping = false;
  #isWaiting = false;
  #mayCommitUntilMs = Infinity;
  #wake: (() => void) | undefined;

  constructor(
    stage: Stage<State, Input, Output>,
    lease: Lease,
    storage: { readonly journal: Journal; readonly blobs: Blobs },
    clock: Clock,
    options: RunnerOptions,
    observer: RunnerObserver<Output>,
    trace?: TraceHook,
  ) {
    this.partition = lease.id.partition;
    this.lease = lease;
    this.#stage = stage;
    this.#journal = storage.journal;
    this.#snapshots = new Snapshots(storage.blobs, stage.name, this.partition);
    this.#clock = clock;
    this.#options = options;
    this.#observer = observer;
    this.#trace = trace;
    this.#input = { topic: stage.input, partition: this.partition };
    this.#output = { topic: stage.output, partition: this.partition };
    this.#epoch = lease.epoch;
    this.#state = stage.createState();
    this.#batch = stage.createOutput();
  }

  /** Of this run; higher than any that the output topic has seen. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Input position in the state, for lag. */
  get position(): number {
    return this.#position;
  }

  /** Everything that the journal has delivered is done. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Of the input, that whoever takes over would have to read again. */
  get recordsSinceSnapshot(): number {
    return this.#recordsSinceSnapshot;
  }

  get snapshotPosition(): number {
    return this.#snapshotPosition;
  }

  /** The state must not be changed, nor anything of it be kept. */
  inspect<T>(look: (state: State) => T): T {
    return look(this.#state);
  }

  deviceCount(): number {
    return this.#stage.deviceCount(this.#state);
  }

  /** The lease is good until this moment of the monotonic clock; after it the runner must not commit. */
  extendLease(untilMs: number): void {
    this.#mayCommitUntilMs = untilMs;
  }

  /** Ends `run` after the work in hand: commit, snapshot, return. */
  stop(): void {
    this.#isStopping = true;
    this.#wake?.();
  }

  /**
   * Takes over, then works until `stop`.
   *
   * @throws FencedError when a newer owner has written: step down, the state is no longer true.
   * @throws any error of the journal, blobs or the stage: let go of the lease, wait, take over anew.
   */
  async run(): Promise<void> {
    await this.#takeOver();
    const reader = this.#journal.read(this.#input, this.#position + 1);
    this.#wake = () => reader.close();
    try {
      while (!this.#isStopping) {
        this.#isWaiting = true;
        const records = await reader.next(READ_RECORDS, READ_BYTES, this.#waitMs());
        this.#isWaiting = false;
        if (records.length > 0) await this.#process(records);
        else await this.#idle();
        // Whose turn it is not goes on working, and asks again.
        if (this.#isSnapshotDue() && !this.#options.snapshotTurns.isTaken) await this.#snapshot();
      }
      await this.#commit();
      if (this.#isFinalSnapshotWorthwhile()) await this.#snapshot();
    } finally {
      this.#wake = undefined;
      reader.close();
    }
  }

  async #takeOver(): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    const positions = await this.#snapshots.positions();
    await this.#openEpoch();
    // What was there before the log was asked, and stands beyond what is committed, is of a log that is gone (an older backup was
    // restored). Asked the other way round, a later owner might have committed and saved in between.
    await this.#snapshots.forget(positions.filter((position) => position > this.#committed));
    const snapshot = await this.#snapshots.newest(
      this.#committed,
      async (bytes) => {
        await this.#stage.prepareRestore?.(bytes);
        return this.#stage.restore(bytes);
      },
      (position, error) => this.#observer.snapshotUnreadable(this.partition, position, error),
    );
    if (snapshot !== undefined) {
      this.#state = snapshot.state;
      this.#position = snapshot.position;
      this.#snapshotPosition = snapshot.position;
    }
    const replayed = await this.#replay();
    // The next snapshot saves this much replay, too.
    this.#recordsSinceSnapshot = replayed;
    const takenMs = this.#clock.monotonicMs();
    this.#lastCommitMs = takenMs;
    // Staggered: partitions that are taken over together must not all take snapshots together.
    this.#snapshotDueMs = takenMs + this.#options.snapshotEveryMs * (0.5 + ((this.partition * 0.618) % 1) / 2);
    await this.#observer.tookOver(this.partition, this.#epoch, replayed, takenMs - startedMs);
  }

  async #openEpoch(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const last = await this.#journal.lastRecord(this.#output);
      const header = last === undefined ? undefined : readChunkHeader(last.payload);
      this.#requireLease();
      // The table of leases may have been lost, and have begun to count anew: what the log says goes before it.
      if (header !== undefined && header.epoch >= this.#epoch) this.#epoch = header.epoch + 1;
      const mark = header?.to ?? 0;
      ({ position: this.#committed, rows: this.#said } = readCommitMark(mark));
      this.#logTimeMs = header?.timeMs ?? 0;
      try {
        this.#outputLast = await this.#append(last?.sequence ?? 0, this.#encode(this.#batch, mark, mark));
        return;
      } catch (error) {
        // The earlier owner was quicker once more: look again.
        if (!(error instanceof FencedError) || attempt === OPEN_ATTEMPTS) throw error;
      }
    }
  }

  async #replay(): Promise<number> {
    const { first, last } = await this.#journal.state(this.#input);
    // Also when nothing needs replaying: records that take the lost ones' numbers would be passed over.
    if (last < this.#committed) {
      throw new StorageCorruptError(
        `${this.#stage.name} partition ${this.partition} has results up to record ${this.#committed} of ${streamName(this.#input)}, but the log ends at ${last}: its end is lost, restore it from a backup`,
      );
    }
    if (this.#position >= this.#committed) return 0;
    if (first > this.#position + 1) {
      throw new StorageCorruptError(
        `${this.#stage.name} partition ${this.partition} must replay from record ${this.#position + 1} of ${streamName(this.#input)}, but the first one left is ${first}: restore a snapshot or the log from a backup`,
      );
    }
    const reader = this.#journal.read(this.#input, this.#position + 1);
    let replayed = 0;
    try {
      while (this.#position < this.#committed && !this.#isStopping) {
        for (const record of await reader.next(READ_RECORDS, READ_BYTES, LONGEST_WAIT_MS)) {
          if (record.sequence > this.#committed) break;
          const decoded = this.#stage.decode(record.payload);
          await this.#stage.prepare?.(decoded);
          replayed += this.#step(decoded, record);
          this.#batch.clear();
        }
        await giveWay();
      }
    } finally {
      reader.close();
    }
    return replayed;
  }

  async #process(records: readonly JournalRecord[]): Promise<void> {
    let nowMs = this.#clock.monotonicMs();
    let sliceEndMs = nowMs + this.#options.sliceMs;
    let workedMs = 0;
    for (const record of records) {
      const decoded = this.#stage.decode(record.payload);
      // A promise for each record would cost more than most of them.
      const work = this.#stage.prepare?.(decoded);
      if (work !== undefined) await work;
      this.#recordsSinceSnapshot += this.#step(decoded, record);
      this.#trace?.stepped(record.traceparent);
      const doneMs = this.#clock.monotonicMs();
      workedMs += doneMs - nowMs;
      nowMs = doneMs;
      const isSliceOver = doneMs >= sliceEndMs;
      if (this.#batch.length >= LARGEST_COMMIT_RECORDS || isSliceOver) {
        await this.#commitIfDue();
        // A commit waits for the disk and so gives way by itself, but one without results returns at once.
        if (isSliceOver) await giveWay();
        nowMs = this.#clock.monotonicMs();
        sliceEndMs = nowMs + this.#options.sliceMs;
        if (this.#isStopping) break;
      }
    }
    this.#observer.worked(workedMs);
    if (!this.#isStopping) await this.#commitIfDue();
  }

  #step(input: Input, record: JournalRecord): number {
    for (let i = 0; i < input.length; i++) this.#stage.step(this.#state, input, i, this.#batch);
    // Not the time of the last commit: a replay that ran ahead of the time of its records would end in another state.
    this.#steppedTimeMs = Math.max(this.#steppedTimeMs, chunkTimeMs(record.payload));
    this.#logTimeMs = Math.max(this.#logTimeMs, this.#steppedTimeMs);
    this.#stage.advance(this.#state, this.#steppedTimeMs, this.#batch);
    this.#position = record.sequence;
    return input.length;
  }

  /** Nothing came: send a tick if a deadline of the state has passed, and commit a position that has waited. */
  async #idle(): Promise<void> {
    if (this.#isStopping) return;
    if (this.#position > this.#committed) await this.#commit();
    const nowMs = this.#clock.wallMs();
    if (this.#stage.input !== 'readings' || this.#stage.wakeMs(this.#state) > nowMs) return;
    if (this.#clock.monotonicMs() < this.#tickRetryMs) return;
    const tick = ReadingBatch.create();
    tick.receivedMs = nowMs;
    try {
      await this.#journal.append(this.#input, tick.encode());
    } catch (error) {
      // The journal keeps room for the stages and takes no readings: a silence can wait, the partition need not end.
      if (!(error instanceof StorageFailedError)) throw error;
      this.#tickRetryMs = this.#clock.monotonicMs() + LONGEST_WAIT_MS;
    }
  }

  #waitMs(): number {
    const untilWakeMs = this.#stage.wakeMs(this.#state) - this.#clock.wallMs();
    const longestMs = this.#position > this.#committed ? this.#options.idleCommitMs : LONGEST_WAIT_MS;
    const untilTickMs = Math.max(untilWakeMs, this.#tickRetryMs - this.#clock.monotonicMs());
    return Math.min(longestMs, Math.max(1, untilTickMs));
  }

  async #commitIfDue(): Promise<void> {
    const isDue = this.#clock.monotonicMs() - this.#lastCommitMs >= this.#options.idleCommitMs;
    if (this.#batch.length > 0 || isDue) await this.#commit();
  }

  async #commit(): Promise<void> {
    // While replaying, the state is behind what is committed: committing that would turn the position back.
    if (this.#position <= this.#committed) return;
    let atOnce = Infinity;
    while (this.#committed < this.#position) atOnce = await this.#commitRows(atOnce);
    this.#lastCommitMs = this.#clock.monotonicMs();
    this.#batch.clear();
  }

  /**
   * Commits the next rows of the batch, all of them where they fit; only the last ones move the position.
   *
   * @param atOnce how many to try.
   * @returns how many did fit.
   */
  async #commitRows(atOnce: number): Promise<number> {
    this.#requireLease();
    const { length } = this.#batch;
    const start = Math.min(this.#said, length);
    const from = commitMark(this.#committed, this.#said);
    for (let end = Math.min(length, start + atOnce); ;) {
      const isLast = end === length;
      const rows = start === 0 && isLast ? this.#batch : this.#rows(start, end);
      // More may be said already than this batch has, where the owner before had read further.
      const reached = isLast
        ? { position: this.#position, rows: this.#said - start }
        : { position: this.#committed, rows: end };
      const to = commitMark(reached.position, reached.rows);
      const payload = this.#encode(rows, from, to);
      if (payload.length > LARGEST_COMMIT_BYTES && end - start > 1) {
        end = start + Math.max(1, Math.floor(((end - start) * 0.9 * LARGEST_COMMIT_BYTES) / payload.length));
        continue;
      }
      await this.#appendCommit(payload, from, to);
      ({ position: this.#committed, rows: this.#said } = reached);
      this.#observer.committed(this.partition, this.#outputLast, rows);
      return end - start;
    }
  }

  #rows(start: number, end: number): Output {
    const rows = this.#stage.createOutput();
    for (let i = start; i < end; i++) rows.copyFrom(this.#batch, i);
    return rows;
  }

  async #appendCommit(payload: Uint8Array, from: number, to: number): Promise<void> {
    try {
      this.#outputLast = await this.#append(this.#outputLast, payload);
    } catch (error) {
      this.#outputLast = await this.#adopt(error, from, to).catch((failure: unknown) => {
        this.#trace?.committed(failure);
        throw failure;
      });
    }
    this.#trace?.committed();
  }

  #requireLease(): void {
    if (this.#clock.monotonicMs() < this.#mayCommitUntilMs) return;
    throw new FencedError(`the lease of ${this.#stage.name} partition ${this.partition} could not be renewed in time`);
  }

  /** A commit was refused: find out whether it was ours that had landed. */
  async #adopt(refusal: unknown, from: number, to: number): Promise<number> {
    if (!(refusal instanceof FencedError)) throw refusal;
    const last = await this.#journal.lastRecord(this.#output);
    if (last === undefined) throw refusal;
    const header = readChunkHeader(last.payload);
    const isOurs = header.epoch === this.#epoch && header.from === from && header.to === to;
    if (isOurs) return last.sequence;
    throw header.epoch > this.#epoch ? this.#supersededBy(header.epoch) : refusal;
  }

  #encode(rows: Output, from: number, to: number): Uint8Array {
    return rows.encode({ epoch: this.#epoch, from, to, timeMs: this.#logTimeMs });
  }

  async #append(expectedLast: number, payload: Uint8Array): Promise<number> {
    return this.#journal.append(this.#output, payload, {
      ...(this.#options.isFenced && { expectedLast }),
      traceparent: this.#trace?.committing(),
    });
  }

  /** On the way out a snapshot is taken unless replaying what came since is cheaper than copying all devices. */
  #isFinalSnapshotWorthwhile(): boolean {
    return this.#position === this.#committed && this.#recordsSinceSnapshot > this.deviceCount() / 10;
  }

  #isSnapshotDue(): boolean {
    if (this.#recordsSinceSnapshot === 0 || this.#position !== this.#committed) return false;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#snapshotRetryMs) return false;
    // A snapshot costs as much as its devices: with many, it must pay for itself by many records that need no replay.
    const manyRecords = Math.max(this.#options.snapshotEveryRecords, RECORDS_A_DEVICE * this.deviceCount());
    return this.#recordsSinceSnapshot >= manyRecords || nowMs >= this.#snapshotDueMs;
  }

  /** One that fails costs a longer replay, nothing else: it is tried again later. */
  async #snapshot(): Promise<void> {
    await this.#options.snapshotTurns.run(async () => {
      try {
        await this.#takeSnapshot();
      } catch (error) {
        if (!(error instanceof StorageFailedError)) throw error;
        this.#snapshotDueMs = this.#clock.monotonicMs() + SNAPSHOT_RETRY_MS;
        this.#snapshotRetryMs = this.#snapshotDueMs;
        this.#observer.snapshotFailed(this.partition, error);
      }
    });
  }

  async #takeSnapshot(): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    const position = this.#committed;
    const bytes = this.#stage.snapshot(this.#state);
    const replayFloor = await this.#snapshots.save(position, bytes);
    this.#snapshotPosition = position;
    this.#recordsSinceSnapshot = 0;
    this.#snapshotDueMs = this.#clock.monotonicMs() + this.#options.snapshotEveryMs;
    const tookMs = this.#clock.monotonicMs() - startedMs;
    // Whoever takes over waits for the lease, and trims after the next snapshot.
    const mayTrimTo = this.#isStopping ? 0 : replayFloor;
    await this.#observer.snapshotTaken(this.partition, position, bytes.length, tookMs, mayTrimTo);
  }

  #supersededBy(epoch: number): FencedError {
    return new FencedError(
      `${this.#stage.name} partition ${this.partition} has an owner of epoch ${epoch}, ours is ${this.#epoch}`,
      { data: { epoch } },
    );
  }
}

function giveWay(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
