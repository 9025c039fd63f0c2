/** Reads a stream of the JetStream journal. Records come by themselves; nothing polls. */
import type { ConsumerInfo } from '@nats-io/jetstream';
import { StorageCorruptError, StorageFailedError } from '../../models/errors.js';
import { alignedCopy, JetStreamRefusal, RefusalCode, type JetStreamApi } from '../nats/jetstream-api.js';
import { PullFeed, type FeedMessage, type FeedUser } from '../nats/pull-feed.js';
import { streamName, type JournalReader, type JournalRecord, type StreamId, type StreamState } from './journal.js';

/** What a reader needs of its journal. */
export interface JetStreamReaderHost {
  readonly api: JetStreamApi;
  readonly isClosed: boolean;
  nameOf(stream: StreamId): string;
  state(stream: StreamId): Promise<StreamState>;
  /** The record is there for sure: the stream never ends before it again. */
  saw(stream: StreamId, sequence: number): void;
  closed(reader: JetStreamReader): void;
}

/** No more is asked for while so much lies here. With what one pull brings on top, that bounds the memory of a reader. */
const ROOM_BYTES = 1_048_576;
const ROOM_RECORDS = 1_024;
/** For a caller that does not wait: as long as a request may take. */
const LOOK_MS = 4_000;

export class JetStreamReader implements JournalReader {
  readonly #host: JetStreamReaderHost;
  readonly #stream: StreamId;
  readonly #buffer: JournalRecord[] = [];
  #bufferedBytes = 0;
  /** Of the next record to come from the server. */
  #expected: number;
  /** Whether a record of this stream was read here, so that the stream must reach this far. */
  #hasRead = false;
  #feed: PullFeed | undefined;
  #failure: Error | undefined;
  #isChecking = false;
  /** Sequence of a record that did not come although it should be there. */
  #missing: number | undefined;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(host: JetStreamReaderHost, stream: StreamId, sequence: number) {
    this.#host = host;
    this.#stream = stream;
    this.#expected = sequence;
  }

  async next(maxRecords: number, maxBytes: number, maxWaitMs: number): Promise<readonly JournalRecord[]> {
    if (!(maxRecords >= 1)) throw new RangeError(`maxRecords must be >= 1, got ${maxRecords}`);
    if (this.#isClosed) return [];
    this.#assertOpen();
    this.#feed ??= new PullFeed(this.#host.api, this.#host.nameOf(this.#stream), this.#user());
    if (maxWaitMs > 0) await this.#change(maxWaitMs, () => this.#isReady());
    else await this.#look(maxRecords);
    if (this.#buffer.length > 0) return this.#take(maxRecords, maxBytes);
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      this.#closeFeed();
      throw failure;
    }
    if (!this.#hasEnded()) this.#assertOpen();
    return [];
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeFeed();
    this.#buffer.length = 0;
    this.#host.closed(this);
    this.#wake?.();
  }

  /** The journal was closed: whoever waits is to be told. */
  journalClosed(): void {
    this.#closeFeed();
    this.#wake?.();
  }

  /** As a method: it changes while something is awaited. */
  #hasEnded(): boolean {
    return this.#isClosed;
  }

  #assertOpen(): void {
    if (this.#host.isClosed) throw new StorageFailedError('the journal is closed');
  }

  #isReady(): boolean {
    return this.#isEnded() || this.#buffer.length > 0;
  }

  /** Whether nothing will come until somebody is told so. */
  #isEnded(): boolean {
    return this.#isClosed || this.#host.isClosed || this.#failure !== undefined;
  }

  #hasRoom(): boolean {
    return this.#bufferedBytes < ROOM_BYTES && this.#buffer.length < ROOM_RECORDS;
  }

  /** What is there now, without waiting for more: the server is asked where the stream ends. */
  async #look(maxRecords: number): Promise<void> {
    if (this.#isEnded() || this.#buffer.length >= maxRecords) return;
    const { last } = await this.#host.state(this.#stream);
    await this.#change(
      LOOK_MS,
      () => this.#isEnded() || this.#expected > last || this.#buffer.length >= maxRecords || !this.#hasRoom(),
    );
  }

  /** Resolves when `isEnough`, or the time is over. */
  #change(maxWaitMs: number, isEnough: () => boolean): Promise<void> {
    if (isEnough()) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, maxWaitMs);
      this.#wake = () => {
        if (isEnough()) done();
      };
    });
  }

  #take(maxRecords: number, maxBytes: number): readonly JournalRecord[] {
    let bytes = 0;
    let count = 0;
    while (count < maxRecords && count < this.#buffer.length && (count === 0 || bytes < maxBytes)) {
      bytes += this.#buffer[count]!.payload.length;
      count++;
    }
    this.#bufferedBytes -= bytes;
    const taken = this.#buffer.splice(0, count);
    this.#feed?.more();
    return taken;
  }

  #user(): FeedUser {
    return {
      start: () => ({ deliver_policy: 'by_start_sequence', opt_start_seq: this.#expected }),
      hasRoom: () => this.#hasRoom(),
      received: (message) => this.#received(message),
      started: (info) => this.#started(info),
      idle: (streamSequence) => {
        // The server passed over records that never came here.
        if (streamSequence >= this.#expected) void this.#check();
      },
      failed: (error) => {
        // A line that is down is waited for, and servers that choose a leader; a stream that is gone is not.
        if (!(error instanceof JetStreamRefusal) || error.errCode === RefusalCode.temporarilyUnavailable) return;
        this.#fail(error);
      },
    };
  }

  #received({ sequence, payload, headers }: FeedMessage): void {
    // Before the start: the server begins at the end of a stream that does not reach as far.
    if (sequence < this.#expected) return;
    if (sequence > this.#expected) {
      void this.#check();
      return;
    }
    const traceparent = headers?.get('traceparent');
    this.#buffer.push({
      sequence,
      payload: alignedCopy(payload),
      ...(traceparent === undefined || traceparent === '' ? {} : { traceparent }),
    });
    this.#bufferedBytes += payload.length;
    this.#expected = sequence + 1;
    this.#hasRead = true;
    this.#missing = undefined;
    this.#host.saw(this.#stream, sequence);
    this.#wake?.();
  }

  #started(info: ConsumerInfo): void {
    // Streams have no holes: a consumer that does not begin where it was told to tells of a stream that begins later or ends
    // earlier.
    const next = info.delivered.stream_seq + 1;
    if (next > this.#expected || (next < this.#expected && this.#hasRead)) void this.#check();
  }

  /** Something does not fit: finds out what the stream is like, and begins anew or says why not. */
  async #check(): Promise<void> {
    if (this.#isChecking || this.#isClosed) return;
    this.#isChecking = true;
    const expected = this.#expected;
    try {
      const { first, last } = await this.#host.state(this.#stream);
      const name = streamName(this.#stream);
      if (expected !== this.#expected || this.#hasEnded()) return;
      if (first > expected) {
        this.#fail(
          new StorageFailedError(`record ${expected} of ${name} was trimmed away; the first one left is ${first}`, {
            data: { first },
          }),
        );
      } else if (this.#hasRead && last < expected - 1) {
        this.#fail(endLost(name, expected - 1, last));
      } else if (last >= expected && this.#missing === expected) {
        this.#fail(
          new StorageCorruptError(`record ${expected} of ${name} is damaged: it is missing`, {
            data: { stream: name, sequence: expected },
          }),
        );
      } else if (last >= expected) {
        this.#missing = expected;
        this.#feed?.restart();
      }
    } catch (error) {
      // While the line is down nothing is known; a new connection begins anew by itself.
      if (error instanceof StorageCorruptError) this.#fail(error);
      else this.#feed?.restart();
    } finally {
      this.#isChecking = false;
    }
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#closeFeed();
    this.#wake?.();
  }

  #closeFeed(): void {
    this.#feed?.close();
    this.#feed = undefined;
  }
}

/** The server has forgotten what it had acknowledged. */
export function endLost(name: string, seen: number, last: number): StorageCorruptError {
  return new StorageCorruptError(
    `${name} ends at record ${last}, but record ${seen} was there: the end of the log is lost, restore it from a backup`,
    { data: { stream: name, seen, last } },
  );
}
