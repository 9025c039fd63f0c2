/** Reads a stream of the LMDB journal. Waits for a signal in the process; nothing polls. */
import { StorageFailedError } from '../../models/errors.js';
import { streamName, type JournalReader, type JournalRecord } from './journal.js';
import type { LmdbStream } from './lmdb-stream.js';
import { damaged, openRecord } from './record-envelope.js';

export class LmdbReader implements JournalReader {
  readonly #stream: LmdbStream;
  readonly #value: (sequence: number) => Uint8Array | undefined;
  readonly #isJournalClosed: () => boolean;
  #position: number;
  #isClosed = false;
  #wake: (() => void) | undefined;

  /** @param value the stored bytes of a record of this stream. */
  constructor(
    stream: LmdbStream,
    position: number,
    value: (sequence: number) => Uint8Array | undefined,
    isJournalClosed: () => boolean,
  ) {
    this.#stream = stream;
    this.#position = position;
    this.#value = value;
    this.#isJournalClosed = isJournalClosed;
  }

  async next(maxRecords: number, maxBytes: number, maxWaitMs: number): Promise<readonly JournalRecord[]> {
    if (!(maxRecords >= 1)) throw new RangeError(`maxRecords must be >= 1, got ${maxRecords}`);
    if (!this.#isReady() && maxWaitMs > 0) await this.#change(maxWaitMs);
    if (this.#isClosed || !this.#isReady()) return [];
    if (this.#isJournalClosed()) throw new StorageFailedError('the journal is closed');
    return this.#take(maxRecords, maxBytes);
  }

  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  #isReady(): boolean {
    return this.#isClosed || this.#position <= this.#stream.durable || this.#position < this.#stream.first;
  }

  /** Resolves when the stream has something for this reader, the reader or journal is closed, or the time is over. */
  #change(maxWaitMs: number): Promise<void> {
    return new Promise((resolve) => {
      let forget: () => void = () => {};
      const done = () => {
        clearTimeout(timer);
        forget();
        this.#wake = undefined;
        resolve();
      };
      const look = () => {
        if (this.#isReady() || this.#isJournalClosed()) done();
        else forget = this.#stream.onChange(look);
      };
      const timer = setTimeout(done, maxWaitMs);
      this.#wake = done;
      look();
    });
  }

  #take(maxRecords: number, maxBytes: number): readonly JournalRecord[] {
    const stream = this.#stream;
    if (this.#position < stream.first) {
      throw new StorageFailedError(
        `record ${this.#position} of ${streamName(stream.id)} was trimmed away; the first one left is ${stream.first}`,
        { data: { first: stream.first } },
      );
    }
    const records: JournalRecord[] = [];
    let bytes = 0;
    while (records.length < maxRecords && this.#position <= stream.durable && (bytes < maxBytes || bytes === 0)) {
      const sequence = this.#position;
      let record: JournalRecord;
      try {
        const value = this.#value(sequence);
        if (value === undefined) throw damaged(stream.id, sequence, 'it is missing');
        record = openRecord(stream.id, sequence, value);
      } catch (error) {
        // What came before it is sound: hand that out, and fail at the next call.
        if (records.length > 0) return records;
        throw error;
      }
      records.push(record);
      bytes += record.payload.length;
      this.#position++;
    }
    return records;
  }
}
