/**
 * The journal: append-only streams of records, one for each topic and partition. The log is the truth of Redshank.
 *
 * Adapters: `lmdb-journal.ts` (embedded), `jetstream-journal.ts` (cluster). All pass `test/conformance/journal.conformance.ts`.
 */
import type { Topic } from '../../models/stages/stage.js';

/** Only fixed words and integers name a stream: no id from outside ever does. */
export interface StreamId {
  readonly topic: Topic;
  readonly partition: number;
}

export interface JournalRecord {
  /** 1 for the first record of a stream, then without holes. */
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** As given to `append`. */
  readonly traceparent?: string | undefined;
}

export interface AppendOptions {
  /** The append is refused unless this is the last sequence of the stream (0: the stream is empty). */
  readonly expectedLast?: number;
  /**
   * Names this append. A second append of the same name to the same stream, within the last `MESSAGE_ID_WINDOW` named
   * appends and `MESSAGE_ID_WINDOW_MS`, writes nothing and answers with the first one's sequence. Any text of 1–256 characters
   * on one line.
   */
  readonly messageId?: string;
  /** W3C Trace Context of what caused this append, version 00 (55 characters). Kept beside the payload, for watching alone. */
  readonly traceparent?: string | undefined;
}

export const MESSAGE_ID_WINDOW = 4_096;
/** Longer than all attempts of a writer together; a broker keeps every name in its memory for so long. */
export const MESSAGE_ID_WINDOW_MS = 60_000;

export interface StreamState {
  /** Lowest sequence still there; `last + 1` when the stream is empty or wholly trimmed. */
  readonly first: number;
  /** Highest sequence ever appended, also when it has been trimmed; 0 for a new stream. */
  readonly last: number;
  /** Of the records still there, about; undefined where the journal does not count them by stream. */
  readonly bytes?: number;
}

/** Reads a stream in order, from a start on. Not for use by two callers at once. */
export interface JournalReader {
  /**
   * The next records, in order and without holes: at least one, at most `maxRecords` or about `maxBytes`. Waits until there
   * is one, at most `maxWaitMs`; an empty array means that none came.
   *
   * @throws StorageCorruptError names the stream and sequence of a record whose bytes are not what was written. The reader
   *   stays before it.
   * @throws StorageFailedError when records between the position and the first one left were trimmed away.
   */
  next(maxRecords: number, maxBytes: number, maxWaitMs: number): Promise<readonly JournalRecord[]>;
  /** Ends a waiting `next` with an empty answer. Idempotent. */
  close(): void;
}

export interface Journal {
  /**
   * What an acknowledged append survives, in words for people and the header `X-Durability`: `fsync`, `process-crash`,
   * `server-loss`.
   */
  readonly durability: string;

  /** Why nothing can be appended any more until a restart, in words for people; undefined while appends can work. */
  readonly failure?: string | undefined;

  /**
   * Appends one record and resolves with its sequence once it is as durable as `durability` says. Appends of one caller to
   * one stream, started in order, land in that order or not at all.
   *
   * @throws FencedError `expectedLast` was not the last sequence; `data.last` is.
   * @throws StorageFailedError the record may or may not be there (disk full, connection lost): look with `state`, or append
   *   again with the same `messageId` or `expectedLast`. Also for a payload that is larger than a broker takes (1 MB with the
   *   defaults of NATS). Readings are refused before the disk is full, so that the stages
   *   can finish with what was accepted.
   */
  append(stream: StreamId, payload: Uint8Array, options?: AppendOptions): Promise<number>;

  /** A reader that starts at `sequence` (>= 1; may lie after the last record). */
  read(stream: StreamId, sequence: number): JournalReader;

  state(stream: StreamId): Promise<StreamState>;

  /** The last record, or undefined when there is none. @throws StorageCorruptError as `JournalReader.next`. */
  lastRecord(stream: StreamId): Promise<JournalRecord | undefined>;

  /** Forgets all records with a sequence below `sequence`. Never moves `last`. */
  trim(stream: StreamId, sequence: number): Promise<void>;

  close(): Promise<void>;
}

export function streamName(stream: StreamId): string {
  return `${stream.topic}.${stream.partition}`;
}
