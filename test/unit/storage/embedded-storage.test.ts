import assert from 'node:assert/strict';
import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StorageCorruptError, StorageFailedError } from '../../../models/errors.js';
import { scoreRows } from '../../support/sample-records.js';
import { openEmbeddedStorage } from '../../../storage/embedded-storage.js';

describe('openEmbeddedStorage', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'redshank.data-'))));
  afterEach(() => rm(folder, { recursive: true }));

  it('creates what is missing, and keeps it', async () => {
    const dataDir = join(folder, 'a', 'b');
    const stream = { topic: 'readings', partition: 0 } as const;
    let storage = await openEmbeddedStorage(dataDir);
    assert.equal(storage.mode, 'embedded');
    await storage.journal.append(stream, Uint8Array.of(1));
    await storage.blobs.put('a', Uint8Array.of(2));
    await storage.close();
    await storage.close();
    assert.deepEqual((await readdir(dataDir)).sort(), ['blobs', 'journal', 'models', 'read-side']);
    storage = await openEmbeddedStorage(dataDir);
    assert.equal((await storage.journal.state(stream)).last, 1);
    assert.deepEqual(await storage.blobs.get('a'), Uint8Array.of(2));
    await storage.close();
  });

  it('tells what the log takes, and what it may take', async () => {
    const storage = await openEmbeddedStorage(folder);
    const before = await storage.logSpace();
    for (let i = 0; i < 20; i++) {
      await storage.journal.append({ topic: 'readings', partition: 0 }, new Uint8Array(100_000));
    }
    const after = await storage.logSpace();
    assert.ok(after.usedBytes - before.usedBytes > 2_000_000, `${before.usedBytes} → ${after.usedBytes}`);
    assert.ok(after.freeBytes! > 1_000_000 && after.freeBytes! < before.freeBytes! + 2 ** 28);
    assert.equal(storage.readSideOutage(), undefined);
    await storage.close();
  });

  it('is for one at a time', async () => {
    const storage = await openEmbeddedStorage(folder);
    await assert.rejects(openEmbeddedStorage(folder), /is in use by process/);
    await storage.close();
  });

  it('says which folder cannot be written and what to do', async () => {
    const path = join(folder, 'file');
    await writeFile(path, '');
    await assert.rejects(
      openEmbeddedStorage(join(path, 'data')),
      (error) => error instanceof StorageFailedError && error.message.includes(path) && /DATA_DIR/.test(error.message),
    );
  });

  it('gives the folder free when something in it is damaged', async () => {
    await (await openEmbeddedStorage(folder)).close();
    await writeFile(join(folder, 'read-side', 'data.mdb'), 'x'.repeat(10_000));
    await assert.rejects(openEmbeddedStorage(folder), StorageCorruptError);
    assert.ok(!(await readdir(folder)).includes('lock'));
  });

  describe('when a part was moved away', () => {
    const stream = { topic: 'readings', partition: 0 } as const;
    const fill = async (): Promise<void> => {
      const storage = await openEmbeddedStorage(folder);
      await storage.journal.append(stream, Uint8Array.of(1));
      await storage.blobs.put('snapshots/window/0/1', Uint8Array.of(2));
      await storage.readSide.writeScores(0, 1, scoreRows('a', [{ timeMs: 1, values: { x: 1 } }]));
      await storage.close();
    };
    const refused = (part: RegExp) => (error: unknown) =>
      error instanceof StorageCorruptError && part.test(error.message) && /all of DATA_DIR/.test(error.message);
    beforeEach(fill);

    it('refuses to begin another log beside the snapshots of the old one', async () => {
      await rename(join(folder, 'journal'), join(folder, 'journal.old'));
      await assert.rejects(openEmbeddedStorage(folder), refused(/journal is gone/));
      assert.deepEqual((await readdir(folder)).sort(), ['blobs', 'journal.old', 'models', 'read-side']);
      await rename(join(folder, 'journal.old'), join(folder, 'journal'));
      await (await openEmbeddedStorage(folder)).close();
    });

    it('refuses another log in the place of its own', async () => {
      await (await openEmbeddedStorage(join(folder, 'other'))).close();
      await rename(join(folder, 'journal'), join(folder, 'journal.old'));
      await rename(join(folder, 'other', 'journal'), join(folder, 'journal'));
      await assert.rejects(openEmbeddedStorage(folder), refused(/journal is not the log/));
    });

    it('refuses a log without its snapshots', async () => {
      await rename(join(folder, 'blobs'), join(folder, 'blobs.old'));
      await assert.rejects(openEmbeddedStorage(folder), refused(/blobs is gone/));
    });

    it('refuses a read side of another log', async () => {
      await (await openEmbeddedStorage(join(folder, 'other'))).close();
      await rm(join(folder, 'read-side'), { recursive: true });
      await rename(join(folder, 'other', 'read-side'), join(folder, 'read-side'));
      await assert.rejects(openEmbeddedStorage(folder), refused(/read-side shows another log.*it alone/s));
    });

    it('begins the read side again, and it alone', async () => {
      await rm(join(folder, 'read-side'), { recursive: true });
      const storage = await openEmbeddedStorage(folder);
      assert.equal(await storage.readSide.position('scores', 0), 0);
      assert.equal((await storage.journal.state(stream)).last, 1);
      await storage.close();
    });
  });

  it('answers after close that it is closed', async () => {
    const storage = await openEmbeddedStorage(folder);
    await storage.close();
    await assert.rejects(storage.readSide.device('default', 'pump'), StorageFailedError);
    await assert.rejects(storage.readSide.put('job', 'default', 'k', Uint8Array.of(1), 1, 0), StorageFailedError);
    await assert.rejects(storage.journal.state({ topic: 'readings', partition: 0 }), StorageFailedError);
  });
});
