/**
 * The journal of a cluster: one JetStream stream for each topic and partition, so that sequences have no holes and
 * "expected last sequence" is about nobody else's records.
 *
 * Payloads lie there as they are: JetStream keeps a checksum of its own, and every chunk has one inside.
 */
import { FencedError, SettingInvalidError, StorageCorruptError, StorageFailedError } from '../../models/errors.js';
import { partitionsOf, TOPICS } from '../../models/stages/stage.js';
import { alignedCopy, JetStreamApi, JetStreamRefusal, PublishHeader, RefusalCode } from '../nats/jetstream-api.js';
import type { NatsConnection } from '../nats/nats-connection.js';
import type { LogSpace } from '../storage.js';
import { ensureStream, NANOSECONDS_A_MS, type StreamLayout } from '../nats/stream-layout.js';
import {
  MESSAGE_ID_WINDOW_MS,
  streamName,
  type AppendOptions,
  type Journal,
  type JournalReader,
  type JournalRecord,
  type StreamId,
  type StreamState,
} from './journal.js';
import { endLost, JetStreamReader } from './jetstream-reader.js';

export interface JetStreamJournalOptions {
  /** Begins all names. */
  readonly namespace: string;
  /** Of each topic about devices. */
  readonly partitions: number;
  /** Servers that hold a stream which is created now: 1, 3 or 5. */
  readonly replicas: number;
  /** Whether somebody asked for exactly these: streams that have fewer are refused then. Default false. */
  readonly areReplicasDemanded?: boolean;
}

interface Stream {
  readonly id: StreamId;
  /** Name at the server; the subject is the same with dots. */
  readonly name: string;
  readonly subject: string;
  /** Highest sequence that was acknowledged or read in this process. */
  seen: number;
  /** Whether the stream still reaches as far as `seen`, since the connection stands. */
  isVerified: boolean;
  /** The way to the first append after a break; appends wait for it in their order. */
  opening: Promise<void> | undefined;
  /** Appends on their way, by message id: a repeat shares the first one's end. */
  readonly pendingMessages: Map<string, Promise<number>>;
}

/** Streams that are created at the same time. */
const CREATED_AT_ONCE = 16;

export class JetStreamJournal implements Journal {
  /** `process-crash`: one server holds each stream. `server-loss`: a majority of at least three has acknowledged. */
  readonly durability: string;
  /** Of the stream that has the fewest. */
  readonly replicas: number;
  readonly #api: JetStreamApi;
  readonly #partitions: number;
  readonly #streams: ReadonlyMap<string, Stream>;
  readonly #readers = new Set<JetStreamReader>();
  readonly #endReconnects: () => void;
  /** By stream, until it is as it was. */
  readonly #failures = new Map<Stream, string>();
  #isClosed = false;

  private constructor(api: JetStreamApi, partitions: number, streams: ReadonlyMap<string, Stream>, replicas: number) {
    this.#api = api;
    this.#partitions = partitions;
    this.#streams = streams;
    this.replicas = replicas;
    this.durability = replicas >= 3 ? 'server-loss' : 'process-crash';
    this.#endReconnects = api.connection.onReconnect(() => {
      for (const stream of streams.values()) stream.isVerified = false;
    });
  }

  /**
   * Creates the streams that are missing and checks those that are there. The connection stays the caller's to close.
   *
   * @throws StorageCorruptError a stream is there with another configuration.
   * @throws SettingInvalidError the log was created with another number of partitions; a stream has fewer replicas than were
   *   demanded.
   * @throws StorageFailedError as `NatsConnection.request`.
   */
  static async open(connection: NatsConnection, options: JetStreamJournalOptions): Promise<JetStreamJournal> {
    const { namespace, partitions } = options;
    const api = new JetStreamApi(connection);
    const found = new Map((await api.streams(`${namespace}.>`)).map((info) => [info.config.name, info]));
    if (found.has(restoringName(namespace))) {
      throw new StorageCorruptError(
        `a restore of ${namespace} is under way, or was broken off: wait for it, or run \`redshank restore --yes\` again`,
      );
    }
    const streams = new Map<string, Stream>();
    for (const id of streamsOf(partitions)) {
      streams.set(streamName(id), {
        id,
        name: serverName(namespace, id),
        subject: `${namespace}.${id.topic}.${id.partition}`,
        seen: 0,
        isVerified: true,
        opening: undefined,
        pendingMessages: new Map(),
      });
    }
    const [first, ...waiting] = [...streams.values()];
    // Alone, and before all others: of several processes that start a new log together the server takes one's number.
    const description = `one of ${partitions} partitions`;
    const info = await ensureStream(api, layoutOf(first!), options.replicas, found.get(first!.name), description);
    found.set(first!.name, info);
    checkPartitions(info.config.description, partitions);
    waiting.push(first!);
    let replicas = Infinity;
    const ensure = async (): Promise<void> => {
      for (let stream = waiting.pop(); stream !== undefined; stream = waiting.pop()) {
        const info = await ensureStream(api, layoutOf(stream), options.replicas, found.get(stream.name));
        stream.seen = info.state.last_seq;
        replicas = Math.min(replicas, info.config.num_replicas);
        if (options.areReplicasDemanded === true && info.config.num_replicas < options.replicas) {
          throw new SettingInvalidError([
            `nats_replicas is ${options.replicas}, but the stream ${stream.name} has ${info.config.num_replicas}: ` +
              `change it with "nats stream edit ${stream.name} --replicas ${options.replicas}", or the setting`,
          ]);
        }
      }
    };
    await Promise.all(Array.from({ length: CREATED_AT_ONCE }, ensure));
    return new JetStreamJournal(api, partitions, streams, replicas);
  }

  /**
   * Names of the streams that `open` would find, and of those that it would create. Changes nothing.
   *
   * @throws StorageFailedError as `NatsConnection.request`.
   */
  static async survey(
    connection: NatsConnection,
    { namespace, partitions }: Pick<JetStreamJournalOptions, 'namespace' | 'partitions'>,
  ): Promise<{ readonly present: readonly string[]; readonly missing: readonly string[] }> {
    const infos = await new JetStreamApi(connection).streams(`${namespace}.>`);
    const found = new Set(infos.map(({ config }) => config.name));
    const names = streamsOf(partitions).map((id) => serverName(namespace, id));
    return { present: names.filter((name) => found.has(name)), missing: names.filter((name) => !found.has(name)) };
  }

  /** With what else the account keeps at NATS. What is free is unknown where the account has no limit. */
  async space(): Promise<LogSpace> {
    const { storedBytes, mostBytes } = await this.#api.account();
    return { usedBytes: storedBytes, freeBytes: mostBytes < 0 ? undefined : Math.max(0, mostBytes - storedBytes) };
  }

  get failure(): string | undefined {
    const [first] = this.#failures.values();
    return first;
  }

  get api(): JetStreamApi {
    return this.#api;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  append(id: StreamId, payload: Uint8Array, options: AppendOptions = {}): Promise<number> {
    return attempt(() => {
      const stream = this.#stream(id);
      const { messageId } = options;
      if (messageId === undefined) return this.#append(stream, payload, options);
      if (messageId.length < 1 || messageId.length > 256 || /[\r\n]/.test(messageId)) {
        throw new RangeError(`messageId must have 1 to 256 characters on one line, got ${messageId.length}`);
      }
      const pending = stream.pendingMessages.get(messageId);
      if (pending !== undefined) return pending;
      const appended = this.#append(stream, payload, options).finally(() => stream.pendingMessages.delete(messageId));
      stream.pendingMessages.set(messageId, appended);
      return appended;
    });
  }

  read(id: StreamId, sequence: number): JournalReader {
    if (!Number.isSafeInteger(sequence) || sequence < 1) throw new RangeError(`sequence must be >= 1, got ${sequence}`);
    this.#stream(id);
    const reader = new JetStreamReader(this, id, sequence);
    this.#readers.add(reader);
    return reader;
  }

  state(id: StreamId): Promise<StreamState> {
    return attempt(() => this.#look(this.#stream(id)));
  }

  lastRecord(id: StreamId): Promise<JournalRecord | undefined> {
    return attempt(async () => {
      const stream = this.#stream(id);
      // By its leader, not by whoever is near: a take-over that misses the newest commit would build on sand.
      const message = await this.#api.message(stream.name, { lastOf: stream.subject });
      if (message === undefined) return undefined;
      if (message.sequence < stream.seen) await this.#look(stream);
      this.#see(stream, message.sequence);
      const traceparent = message.headers.get('traceparent');
      return {
        sequence: message.sequence,
        payload: message.payload,
        ...(traceparent === undefined ? {} : { traceparent }),
      };
    });
  }

  async trim(id: StreamId, sequence: number): Promise<void> {
    if (!Number.isSafeInteger(sequence) || sequence < 0) throw new RangeError(`sequence must be >= 0, got ${sequence}`);
    const stream = this.#stream(id);
    const { first, last } = await this.#look(stream);
    // A sequence beyond the end would move the end; one at or before the beginning has nothing to do.
    const below = Math.min(sequence, last + 1);
    if (below > first) await this.#api.purge(stream.name, { belowSequence: below });
  }

  /** Ends the readers; the connection stays open. Idempotent. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#endReconnects();
    for (const reader of this.#readers) reader.journalClosed();
    this.#readers.clear();
    return Promise.resolve();
  }

  nameOf(id: StreamId): string {
    return this.#stream(id).name;
  }

  saw(id: StreamId, sequence: number): void {
    this.#see(this.#stream(id), sequence);
  }

  closed(reader: JetStreamReader): void {
    this.#readers.delete(reader);
  }

  #append(stream: Stream, payload: Uint8Array, options: AppendOptions): Promise<number> {
    // The caller may use its buffer again at once.
    const copy = alignedCopy(payload);
    if (stream.isVerified && stream.opening === undefined && this.#api.connection.isConnected) {
      return this.#publish(stream, copy, options);
    }
    stream.opening ??= this.#open(stream);
    return stream.opening.then(() => this.#publish(stream, copy, options));
  }

  /** Waits out a short break, then sees that the stream still has what was acknowledged. */
  async #open(stream: Stream): Promise<void> {
    try {
      await this.#api.connection.ready();
      if (!stream.isVerified) await this.#look(stream);
    } finally {
      // Later than those who wait already: nobody overtakes them.
      setImmediate(() => (stream.opening = undefined));
    }
  }

  async #publish(stream: Stream, payload: Uint8Array, options: AppendOptions): Promise<number> {
    if (this.#isClosed) throw new StorageFailedError('the journal is closed');
    const { expectedLast, messageId, traceparent } = options;
    try {
      const ack = await this.#api.publish(stream.subject, payload, {
        headers: {
          ...(expectedLast === undefined ? {} : { [PublishHeader.expectedLast]: String(expectedLast) }),
          ...(messageId === undefined ? {} : { [PublishHeader.messageId]: messageId }),
          ...(traceparent === undefined ? {} : { traceparent }),
        },
      });
      this.#see(stream, ack.sequence);
      return ack.sequence;
    } catch (error) {
      if (!(error instanceof JetStreamRefusal) || error.errCode !== RefusalCode.wrongLastSequence) throw error;
      const last = Number(/wrong last sequence: (\d+)/.exec(error.description)?.[1] ?? NaN);
      const found = Number.isNaN(last) ? (await this.#look(stream)).last : last;
      throw new FencedError(
        `the last record of ${streamName(stream.id)} must be ${expectedLast} for this append, got ${found}`,
        { data: { last: found }, cause: error },
      );
    }
  }

  /** @throws StorageCorruptError the stream ends before a record that was there, or is gone. */
  async #look(stream: Stream): Promise<StreamState> {
    // What is acknowledged while the answer is on its way is not in the answer.
    const { seen } = stream;
    const { state } = await this.#api.streamInfo(stream.name).catch((error: unknown) => {
      throw error instanceof JetStreamRefusal && error.errCode === RefusalCode.streamNotFound
        ? this.#lost(stream, streamLost(streamName(stream.id), seen, error))
        : error;
    });
    if (state.last_seq < seen) throw this.#lost(stream, endLost(streamName(stream.id), seen, state.last_seq));
    this.#failures.delete(stream);
    stream.isVerified = true;
    this.#see(stream, state.last_seq);
    const first = state.messages === 0 ? state.last_seq + 1 : state.first_seq;
    return { first, last: state.last_seq, bytes: state.bytes };
  }

  #lost(stream: Stream, error: StorageCorruptError): StorageCorruptError {
    this.#failures.set(stream, error.message);
    return error;
  }

  #see(stream: Stream, sequence: number): void {
    if (sequence > stream.seen) stream.seen = sequence;
  }

  #stream(id: StreamId): Stream {
    if (this.#isClosed) throw new StorageFailedError('the journal is closed');
    const stream = this.#streams.get(streamName(id));
    if (stream === undefined) {
      throw new RangeError(`partition must be an integer from 0 to ${this.#partitions - 1}, got ${streamName(id)}`);
    }
    return stream;
  }
}

function streamsOf(partitions: number): readonly StreamId[] {
  return TOPICS.flatMap((topic) =>
    Array.from({ length: partitionsOf(topic, partitions) }, (_, partition) => ({ topic, partition })),
  );
}

function streamLost(name: string, seen: number, cause: Error): StorageCorruptError {
  return new StorageCorruptError(
    `${name} is gone from NATS, and record ${seen} with it: restore the log from a backup; to begin anew, restart all processes`,
    { data: { stream: name, seen }, cause },
  );
}

/** @param description of the first stream. Other words than ours say nothing: the number is also kept elsewhere. */
function checkPartitions(description: string | undefined, partitions: number): void {
  const fixed = /^one of (\d+) partitions$/.exec(description ?? '')?.[1];
  if (fixed === undefined || Number(fixed) === partitions) return;
  throw new SettingInvalidError([
    `partitions must be ${fixed}, as when this log was created, got ${partitions}: set it back, or choose another namespace`,
  ]);
}

/** A stream that is there while streams are brought back: whoever finds it must not start. */
export function restoringName(namespace: string): string {
  return `${namespace}-restoring`;
}

function serverName(namespace: string, { topic, partition }: StreamId): string {
  return `${namespace}-${topic}-${partition}`;
}

function layoutOf({ name, subject }: Stream): StreamLayout {
  return {
    name,
    subjects: [subject],
    max_age: 0,
    max_msgs_per_subject: -1,
    deny_delete: true,
    allow_rollup_hdrs: false,
    duplicate_window: MESSAGE_ID_WINDOW_MS * NANOSECONDS_A_MS,
  };
}

/** What `work` throws becomes a rejection, and it runs at once: appends keep the order of their calls. */
function attempt<T>(work: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
