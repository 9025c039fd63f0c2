/** The embedded journal: streams in one LMDB environment, written in groups, synced before they are acknowledged. */
import { FencedError, StorageFailedError } from '../../models/errors.js';
import { TOPICS } from '../../models/stages/stage.js';
import { openNumbers, openSealed, sealBytes, sealNumbers } from '../lmdb/checked-value.js';
import type { LmdbEnvironment } from '../lmdb/lmdb-environment.js';
import type { LmdbTable, WriteSet } from '../lmdb/write-set.js';
import {
  streamName,
  type AppendOptions,
  type Journal,
  type JournalReader,
  type JournalRecord,
  type StreamId,
  type StreamState,
} from './journal.js';
import { LmdbReader } from './lmdb-reader.js';
import { LmdbStream } from './lmdb-stream.js';
import { damaged, openRecord, sealRecord } from './record-envelope.js';

export interface LmdbJournalOptions {
  /** Most bytes that may wait for the disk before appends are refused. Default 128 MiB. */
  readonly maxPendingBytes?: number;
  /**
   * Readings are refused while less room is free, in bytes: the stages need it to finish with what was accepted, and to
   * take the snapshots after which the log is trimmed. Default 64 MiB.
   */
  readonly stageRoomBytes?: number;
}

interface Append {
  readonly stream: LmdbStream;
  readonly sequence: number;
  readonly value: Uint8Array;
  readonly messageId: string | undefined;
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: unknown) => void;
}

/** Records removed in one transaction: a long trim does not hold up appends, and works on a full disk. */
const TRIM_STEP = 64;
/** Appends in one transaction; far fewer than `MESSAGE_ID_WINDOW`. */
const LARGEST_GROUP = 1_024;
const MAX_PARTITION = 2 ** 32 - 1;

/**
 * Tables of the environment, keyed by topic index, partition and sequence:
 *
 * - `records`: envelopes (`record-envelope.ts`),
 * - `floors`: by stream, the first sequence left; written by `trim`, so that `last` survives when all is trimmed,
 * - `message-ids`: by the sequence that the name belongs to, the name.
 *
 * A group is what came in while the one before was being synced. The heads in memory decide `expectedLast` at once, so
 * callers on different streams never wait for each other's turn, only for the common sync.
 */
export class LmdbJournal implements Journal {
  readonly durability = 'fsync';
  readonly #environment: LmdbEnvironment;
  readonly #records: LmdbTable;
  readonly #floors: LmdbTable;
  readonly #messageIds: LmdbTable;
  readonly #maxPendingBytes: number;
  /** Kept free for what stages write: readings are taken while there is more. */
  readonly stageRoomBytes: number;
  readonly #streams = new Map<string, LmdbStream>();
  #waiting: Append[] = [];
  #pendingBytes = 0;
  #isWriting = false;
  #isClosed = false;
  #idle: Promise<void> = Promise.resolve();

  /**
   * Opens the journal in `environment`, which stays the caller's to close, and checks the newest record of every stream.
   *
   * @throws StorageCorruptError when one of them is not what was written.
   */
  constructor(environment: LmdbEnvironment, options: LmdbJournalOptions = {}) {
    this.#environment = environment;
    this.#records = environment.table('records');
    this.#floors = environment.table('floors');
    this.#messageIds = environment.table('message-ids');
    this.#maxPendingBytes = options.maxPendingBytes ?? 128 * 2 ** 20;
    this.stageRoomBytes = options.stageRoomBytes ?? 64 * 2 ** 20;
    for (const id of this.#storedStreams()) {
      const stream = this.#stream(id);
      this.#recordAt(stream, stream.durable);
    }
  }

  get failure(): string | undefined {
    return this.#environment.failure;
  }

  /** Whether no stream has a record, or had one. */
  get isEmpty(): boolean {
    return this.#floors.getKeysCount({ limit: 1 }) === 0 && this.#records.getKeysCount({ limit: 1 }) === 0;
  }

  append(stream: StreamId, payload: Uint8Array, options: AppendOptions = {}): Promise<number> {
    return attempt(() => this.#append(this.#stream(stream), payload, options));
  }

  read(stream: StreamId, sequence: number): JournalReader {
    if (!Number.isSafeInteger(sequence) || sequence < 1) throw new RangeError(`sequence must be >= 1, got ${sequence}`);
    const state = this.#stream(stream);
    const { topic, partition } = this.#key(stream);
    return new LmdbReader(
      state,
      sequence,
      (at) => this.#records.getBinary([topic, partition, at]),
      () => this.#isClosed,
    );
  }

  state(stream: StreamId): Promise<StreamState> {
    return attempt(() => {
      const { first, durable } = this.#stream(stream);
      return { first, last: durable };
    });
  }

  lastRecord(stream: StreamId): Promise<JournalRecord | undefined> {
    return attempt(() => {
      const state = this.#stream(stream);
      return this.#recordAt(state, state.durable);
    });
  }

  async trim(stream: StreamId, sequence: number): Promise<void> {
    if (!Number.isSafeInteger(sequence) || sequence < 0) throw new RangeError(`sequence must be >= 0, got ${sequence}`);
    const state = this.#stream(stream);
    const trimmed = state.trimming.then(() => this.#trim(state, sequence));
    state.trimming = trimmed.catch(() => {});
    await trimmed;
  }

  /** Waits for the appends under way; the environment stays open. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#idle;
    for (const stream of this.#streams.values()) stream.changed();
  }

  async #trim(stream: LmdbStream, sequence: number): Promise<void> {
    const { topic, partition } = this.#key(stream.id);
    const end = Math.min(sequence, stream.durable + 1);
    while (stream.first < end) {
      const from = stream.first;
      const to = Math.min(end, from + TRIM_STEP);
      // First in memory: from now on no reader asks for what is about to go.
      stream.first = to;
      try {
        await this.#environment.reclaim((writes) => {
          writes.put(this.#floors, [topic, partition], sealNumbers(to));
          for (let at = from; at < to; at++) writes.remove(this.#records, [topic, partition, at]);
        });
      } catch (error) {
        stream.first = from;
        throw error;
      }
      stream.changed();
    }
  }

  #append(stream: LmdbStream, payload: Uint8Array, options: AppendOptions): Promise<number> {
    const { expectedLast, messageId } = options;
    if (messageId !== undefined) {
      if (messageId.length < 1 || messageId.length > 256) {
        throw new RangeError(`messageId must have 1 to 256 characters, got ${messageId.length}`);
      }
      const pending = stream.pendingMessages.get(messageId);
      if (pending !== undefined) return pending;
      const known = stream.messageIds.get(messageId);
      if (known !== undefined) return Promise.resolve(known);
    }
    if (expectedLast !== undefined && expectedLast !== stream.head) {
      throw new FencedError(
        `the last record of ${streamName(stream.id)} must be ${expectedLast} for this append, got ${stream.head}`,
        { data: { last: stream.head } },
      );
    }
    if (this.#pendingBytes > 0 && this.#pendingBytes + payload.length > this.#maxPendingBytes) {
      throw new StorageFailedError(
        `at most ${this.#maxPendingBytes} bytes may wait for the disk, and ${this.#pendingBytes} do: it is too slow`,
      );
    }
    const appended = new Promise<number>((resolve, reject) => {
      const sequence = ++stream.head;
      const value = sealRecord(stream.id, sequence, payload, options.traceparent);
      this.#pendingBytes += value.length;
      this.#waiting.push({ stream, sequence, value, messageId, resolve, reject });
    });
    if (messageId !== undefined) stream.pendingMessages.set(messageId, appended);
    if (!this.#isWriting) {
      this.#isWriting = true;
      this.#idle = this.#write();
    }
    return appended;
  }

  /** Writes group after group until nothing waits. */
  async #write(): Promise<void> {
    // What arrives in the same turn of the event loop belongs to the first group.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const group = await this.#affordable(this.#waiting.splice(0, LARGEST_GROUP));
      if (group.length === 0) continue;
      try {
        await this.#environment.commit((writes) => this.#put(writes, group));
        this.#committed(group);
      } catch (error) {
        this.#failed(group, error);
      }
    }
    this.#isWriting = false;
  }

  /** The group without the readings that would take the room of the stages; those are refused. */
  async #affordable(group: readonly Append[]): Promise<readonly Append[]> {
    if (!group.some(isReading)) return group;
    const freeBytes = await this.#environment.freeBytes(this.stageRoomBytes);
    if (freeBytes >= this.stageRoomBytes) return group;
    this.#failed(
      group.filter(isReading),
      new StorageFailedError(
        `the disk is full: readings need ${this.stageRoomBytes} bytes of free room below ${this.#environment.directory}, ` +
          `and ${freeBytes} are left: make room`,
        { data: { freeBytes } },
      ),
    );
    return group.filter((append) => !isReading(append));
  }

  #put(writes: WriteSet, group: readonly Append[]): void {
    const named = new Map<LmdbStream, number>();
    const begun = new Set<LmdbStream>();
    for (const { stream, sequence, value, messageId } of group) {
      const { topic, partition } = this.#key(stream.id);
      // Where a second process has written in spite of the lock, its records stay as they are. Streams have no holes: the first tells.
      if (!begun.has(stream)) writes.expectAbsent(this.#records, [topic, partition, sequence]);
      begun.add(stream);
      writes.put(this.#records, [topic, partition, sequence], value);
      if (messageId === undefined) continue;
      writes.put(this.#messageIds, [topic, partition, sequence], sealBytes(Buffer.from(messageId)));
      named.set(stream, (named.get(stream) ?? 0) + 1);
    }
    for (const [stream, count] of named) {
      const { topic, partition } = this.#key(stream.id);
      for (const at of stream.outOfWindow(count)) writes.remove(this.#messageIds, [topic, partition, at]);
    }
  }

  #committed(group: readonly Append[]): void {
    for (const { stream, sequence, messageId } of group) {
      stream.durable = sequence;
      if (messageId !== undefined) stream.remember(messageId, sequence);
    }
    for (const append of group) {
      this.#settle(append);
      append.resolve(append.sequence);
    }
    for (const stream of new Set(group.map((append) => append.stream))) stream.changed();
  }

  /** Takes the heads back to what is on the disk; whatever was built on the lost records is refused with them. */
  #failed(group: readonly Append[], error: unknown): void {
    const streams = new Set(group.map((append) => append.stream));
    const refused = [...group, ...this.#waiting.filter((append) => streams.has(append.stream))];
    this.#waiting = this.#waiting.filter((append) => !streams.has(append.stream));
    for (const append of refused) this.#settle(append);
    for (const stream of streams) stream.head = stream.durable;
    for (const append of refused) append.reject(error);
  }

  #settle({ stream, value, messageId }: Append): void {
    this.#pendingBytes -= value.length;
    if (messageId !== undefined) stream.pendingMessages.delete(messageId);
  }

  #recordAt(stream: LmdbStream, sequence: number): JournalRecord | undefined {
    if (sequence < stream.first) return undefined;
    const { topic, partition } = this.#key(stream.id);
    const value = this.#records.getBinary([topic, partition, sequence]);
    if (value === undefined) throw damaged(stream.id, sequence, 'it is missing');
    return openRecord(stream.id, sequence, value);
  }

  #stream(id: StreamId): LmdbStream {
    if (this.#isClosed) throw new StorageFailedError('the journal is closed');
    const name = streamName(id);
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const { topic, partition } = this.#key(id);
    const floor = this.#floors.getBinary([topic, partition]);
    const first = floor === undefined ? 1 : openNumbers(floor, 1, `the first sequence of ${name}`)[0]!;
    const newest = this.#records.getKeys({
      start: [topic, partition, Number.MAX_SAFE_INTEGER],
      end: [topic, partition],
      reverse: true,
      limit: 1,
    });
    const [key] = [...newest] as number[][];
    const stream = new LmdbStream(id, first, key?.[2] ?? first - 1, new Map(this.#storedMessageIds(id)));
    this.#streams.set(name, stream);
    return stream;
  }

  *#storedMessageIds(id: StreamId): Generator<[string, number]> {
    const { topic, partition } = this.#key(id);
    const range = { start: [topic, partition], end: [topic, partition, Number.MAX_SAFE_INTEGER] };
    for (const { key, value } of this.#messageIds.getRange(range)) {
      const bytes = openSealed(value, `a message id of ${streamName(id)}`);
      yield [Buffer.from(bytes).toString(), (key as number[])[2]!];
    }
  }

  /** Streams that have records, found by leaping from one to the next. */
  *#storedStreams(): Generator<StreamId> {
    let start: number[] = [0];
    for (;;) {
      const [key] = [...this.#records.getKeys({ start, limit: 1 })] as number[][];
      if (key === undefined) return;
      const topic = TOPICS[key[0]!];
      if (topic === undefined) throw new StorageFailedError(`this journal has a topic ${key[0]!} that is not known`);
      yield { topic, partition: key[1]! };
      start = [key[0]!, key[1]! + 1];
    }
  }

  #key({ topic, partition }: StreamId): { readonly topic: number; readonly partition: number } {
    if (!Number.isInteger(partition) || partition < 0 || partition > MAX_PARTITION) {
      throw new RangeError(`partition must be an integer from 0 to ${MAX_PARTITION}, got ${partition}`);
    }
    return { topic: TOPICS.indexOf(topic), partition };
  }
}

function isReading({ stream }: Append): boolean {
  return stream.id.topic === 'readings';
}

/** What `work` throws becomes a rejection, and it runs at once: appends keep the order of their calls. */
function attempt<T>(work: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
