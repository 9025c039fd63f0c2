import assert from 'node:assert/strict';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import { OverloadedError, StorageFailedError } from '../../models/errors.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import type { AppendOptions, Journal, StreamId } from '../../storage/journal/journal.js';
import { PartitionWriter } from '../../storage/journal/partition-writer.js';
import type { Storage } from '../../storage/storage.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const STREAM = { topic: 'readings', partition: 3 } as const;
const NOW = () => 1_000;

describe('partition writer', () => {
  const folder = temporaryFolder();
  let storage: Storage;
  beforeEach(async () => {
    storage = await openEmbeddedStorage(folder());
  });
  afterEach(() => storage.close());

  const add = (writer: PartitionWriter, timeMs: number, channels = ['x']) =>
    writer.add((batch) => batch.addReading('default/a', timeMs, channels, new Float64Array(channels.length)));

  async function chunks(): Promise<number[][]> {
    const reader = storage.journal.read(STREAM, 1);
    const records = await reader.next(100, 1e9, 0);
    reader.close();
    return records.map(({ payload }) => [...ReadingBatch.decode(payload).timeMs.view()]);
  }

  it('writes what came in one turn as one chunk, stamped with its arrival', async () => {
    const writer = new PartitionWriter(storage.journal, 3, NOW, 10);
    await Promise.all([add(writer, 1), add(writer, 2), add(writer, 3)]);
    assert.deepEqual(await chunks(), [[1, 2, 3]]);
    const last = await storage.journal.lastRecord(STREAM);
    assert.equal(ReadingBatch.decode(last!.payload).receivedMs, 1_000);
  });

  it('keeps order while one chunk is in flight and the next one fills', async () => {
    const writer = new PartitionWriter(storage.journal, 3, NOW, 10);
    const first = add(writer, 1);
    await Promise.resolve();
    await Promise.all([first, add(writer, 2), add(writer, 3)]);
    assert.deepEqual((await chunks()).flat(), [1, 2, 3]);
  });

  it('gives a chunk the trace of the first recorded request in it', async () => {
    const traces = ['a', 'b', 'c'].map((digit) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`);
    const writer = new PartitionWriter(storage.journal, 3, NOW, 10);
    const add = (traceparent?: string) =>
      writer.add((batch) => batch.addReading('default/a', 1, ['x'], new Float64Array(1)), traceparent);
    await Promise.all([add(), add(traces[0]), add(traces[1])]);
    await add(traces[2]);
    await add();
    const records = await storage.journal.read(STREAM, 1).next(10, 1e9, 0);
    assert.deepEqual(
      records.map(({ traceparent }) => traceparent),
      [traces[0], traces[2], undefined],
    );
  });

  it('cuts chunks by records and by values', async () => {
    const writer = new PartitionWriter(storage.journal, 3, NOW, 10);
    const wide = Array.from({ length: 1_000 }, (_, i) => `c${i}`);
    await Promise.all(Array.from({ length: 1_500 }, (_, i) => add(writer, i)));
    await Promise.all(Array.from({ length: 12 }, (_, i) => add(writer, i, wide)));
    const lengths = (await chunks()).map(({ length }) => length);
    assert.deepEqual(lengths, [1_000, 500, 9, 3]);
  });

  it('writes once although the answer to the first attempt is lost', async () => {
    let isFirst = true;
    const journal = appending(storage.journal, async (append) => {
      const sequence = await append();
      if (!isFirst) return sequence;
      isFirst = false;
      throw new StorageFailedError('the connection broke');
    });
    const writer = new PartitionWriter(journal, 3, NOW, 10);
    await add(writer, 1);
    await add(writer, 2);
    assert.deepEqual(await chunks(), [[1], [2]]);
  });

  it('says so when nothing could be written, and goes on with what follows', async () => {
    let isBroken = true;
    const journal = appending(storage.journal, (append) =>
      isBroken ? Promise.reject(new StorageFailedError('no room')) : append(),
    );
    const writer = new PartitionWriter(journal, 3, NOW, 10);
    await assert.rejects(add(writer, 1), StorageFailedError);
    isBroken = false;
    await add(writer, 2);
    assert.deepEqual(await chunks(), [[2]]);
  });

  it('takes a batch of any size whole, and refuses the next', async () => {
    const writer = new PartitionWriter(storage.journal, 3, NOW, 2);
    const batch = ReadingBatch.create();
    for (let i = 0; i < 5_000; i++) batch.addReading('a', i, ['x'], [1]);
    writer.check();
    const written = Array.from({ length: 5_000 }, (_, i) => writer.addReading(batch, i, 'default/a'));
    assert.throws(() => writer.check(), OverloadedError);
    await Promise.all(written);
    writer.check();
    assert.equal((await chunks()).flat().length, 5_000);
  });

  it('refuses when too much waits', async () => {
    const writer = new PartitionWriter(storage.journal, 3, NOW, 2);
    const fill = Array.from({ length: 2_000 }, (_, i) => add(writer, i));
    assert.throws(() => void add(writer, 2_000), OverloadedError);
    await Promise.all(fill);
    await add(writer, 2_001);
    assert.equal((await chunks()).flat().length, 2_001);
  });
});

function appending(journal: Journal, around: (append: () => Promise<number>) => Promise<number>): Journal {
  return {
    durability: journal.durability,
    append: (stream: StreamId, payload: Uint8Array, options?: AppendOptions) =>
      around(() => journal.append(stream, payload, options)),
    read: (stream, sequence) => journal.read(stream, sequence),
    state: (stream) => journal.state(stream),
    lastRecord: (stream) => journal.lastRecord(stream),
    trim: (stream, sequence) => journal.trim(stream, sequence),
    close: () => journal.close(),
  };
}
