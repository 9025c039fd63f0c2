import assert from 'node:assert/strict';
import { mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StorageCorruptError, StorageFailedError } from '../../../models/errors.js';
import type { StreamId } from '../../../storage/journal/journal.js';
import { LmdbJournal } from '../../../storage/journal/lmdb-journal.js';
import { LmdbEnvironment } from '../../../storage/lmdb/lmdb-environment.js';

const STREAM: StreamId = { topic: 'readings', partition: 5 };

describe('a damaged LMDB journal', () => {
  let folder: string;
  let file: string;

  const filled = async (records: number, bytes: number): Promise<void> => {
    const environment = LmdbEnvironment.open(folder);
    const journal = new LmdbJournal(environment);
    for (let i = 1; i <= records; i++) await journal.append(STREAM, new Uint8Array(bytes).fill(i));
    await environment.close();
  };
  /** Flips one bit wherever `bytes` stand: LMDB leaves old copies of pages behind. */
  const flip = async (bytes: Uint8Array): Promise<void> => {
    const content = await readFile(file);
    let at = content.indexOf(bytes);
    assert.ok(at > 0);
    for (; at > 0; at = content.indexOf(bytes, at)) content[at + 3]! ^= 1;
    await writeFile(file, content);
  };
  const opening = () => new LmdbJournal(LmdbEnvironment.open(folder));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'redshank-damage-'));
    file = join(folder, 'data.mdb');
  });
  afterEach(() => rm(folder, { recursive: true }));

  for (const bytes of [100, 20_000]) {
    it(`reports a flipped bit in a record of ${bytes} bytes, and reads what is before it`, async () => {
      await filled(4, bytes);
      await flip(new Uint8Array(bytes - 8).fill(3));
      const environment = LmdbEnvironment.open(folder);
      const reader = new LmdbJournal(environment).read(STREAM, 1);
      const before = await reader.next(10, 1e9, 0);
      assert.deepEqual(
        before.map((record) => record.sequence),
        [1, 2],
      );
      for (let i = 0; i < 2; i++) {
        await assert.rejects(reader.next(10, 1e9, 0), (error) => {
          assert.ok(error instanceof StorageCorruptError);
          assert.match(error.message, /record 3 of readings\.5/);
          return true;
        });
      }
      await environment.close();
    });
  }

  it('is not opened when the newest record of a stream is damaged', async () => {
    await filled(4, 5_000);
    await flip(new Uint8Array(4_000).fill(4));
    assert.throws(
      opening,
      (error) => error instanceof StorageCorruptError && /record 4 of readings\.5/.test(error.message),
    );
  });

  it('is reported when a record is in the place of another', async () => {
    await filled(2, 100);
    const environment = LmdbEnvironment.open(folder);
    const records = environment.table('records');
    const first = records.getBinary([0, 5, 1])!;
    await environment.commit((writes) => writes.put(records, [0, 5, 2], first));
    await environment.close();
    assert.throws(opening, StorageCorruptError);
  });

  it('is not opened when the file is something else', async () => {
    await writeFile(file, 'no database at all '.repeat(1_000));
    assert.throws(opening, (error) => error instanceof StorageCorruptError && error.message.includes(file));
  });

  it('is not opened when the file is cut', async () => {
    await filled(20, 20_000);
    await truncate(file, 60_000);
    assert.throws(opening, StorageCorruptError);
  });

  it('is not opened when a page is overwritten', async () => {
    await filled(300, 100);
    const content = await readFile(file);
    const garbage = new Uint8Array(4_096).fill(0xa5);
    let refused = 0;
    for (let at = 0; at < content.length; at += 4_096) {
      const page = content.subarray(at, at + 4_096);
      if (page.every((byte) => byte === 0)) continue;
      const handle = await open(file, 'r+');
      await handle.write(garbage, 0, 4_096, at);
      try {
        await LmdbEnvironment.open(folder).close();
      } catch (error) {
        assert.ok(error instanceof StorageCorruptError);
        refused++;
      }
      await handle.write(page, 0, 4_096, at);
      await handle.close();
    }
    assert.ok(refused > 2);
  });

  it('starts empty on an empty file', async () => {
    await writeFile(file, '');
    const environment = LmdbEnvironment.open(folder);
    assert.deepEqual(await new LmdbJournal(environment).state(STREAM), { first: 1, last: 0 });
    await environment.close();
  });

  it('is not taken for a journal when a file stands where the folder should be', async () => {
    await writeFile(join(folder, 'journal'), '');
    assert.throws(() => LmdbEnvironment.open(join(folder, 'journal')), StorageFailedError);
  });
});
