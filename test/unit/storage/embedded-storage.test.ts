import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StorageCorruptError, StorageFailedError } from '../../../models/errors.js';
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
    assert.deepEqual((await readdir(dataDir)).sort(), ['blobs', 'journal', 'read-side']);
    storage = await openEmbeddedStorage(dataDir);
    assert.equal((await storage.journal.state(stream)).last, 1);
    assert.deepEqual(await storage.blobs.get('a'), Uint8Array.of(2));
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

  it('answers after close that it is closed', async () => {
    const storage = await openEmbeddedStorage(folder);
    await storage.close();
    await assert.rejects(storage.readSide.device('default', 'pump'), StorageFailedError);
    await assert.rejects(storage.readSide.put('job', 'default', 'k', Uint8Array.of(1), 1, 0), StorageFailedError);
    await assert.rejects(storage.journal.state({ topic: 'readings', partition: 0 }), StorageFailedError);
  });
});
