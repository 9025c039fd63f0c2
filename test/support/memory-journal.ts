import { StorageFailedError } from '../../models/errors.js';
import { streamName, type Journal, type JournalRecord, type StreamId } from '../../storage/journal/journal.js';

/** What the gateway writes down, in memory: enough of the port for suites that want no disk. */
export class MemoryJournal implements Journal {
  readonly durability = 'nothing';
  /** Appends fail while set. */
  isFull = false;
  readonly #streams = new Map<string, Uint8Array[]>();

  append(stream: StreamId, payload: Uint8Array): Promise<number> {
    if (this.isFull) return Promise.reject(new StorageFailedError('the disk is full'));
    const records = this.#streams.get(streamName(stream)) ?? [];
    this.#streams.set(streamName(stream), records);
    return Promise.resolve(records.push(payload));
  }

  read(stream: StreamId, sequence: number) {
    let next = sequence;
    return {
      next: (most: number): Promise<JournalRecord[]> => {
        const found = (this.#streams.get(streamName(stream)) ?? []).slice(next - 1, next - 1 + most);
        const records = found.map((payload) => ({ sequence: next++, payload }));
        return Promise.resolve(records);
      },
      close: () => undefined,
    };
  }

  state(stream: StreamId) {
    return Promise.resolve({ first: 1, last: this.#streams.get(streamName(stream))?.length ?? 0 });
  }

  lastRecord = () => Promise.resolve(undefined);
  trim = () => Promise.resolve();
  close = () => Promise.resolve();
}
