import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StorageCorruptError, StorageFailedError } from '../../../models/errors.js';
import { FileBlobs } from '../../../storage/blobs/file-blobs.js';

describe('FileBlobs', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'redshank-blobs-'));
    file = join(folder, 'a', 'b~');
    await (await FileBlobs.open(folder)).put('a/b', new Uint8Array(100).fill(1));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('refuses a file in which any byte changed', async () => {
    const content = await readFile(file);
    const blobs = await FileBlobs.open(folder);
    for (const at of [0, 99, 100, 104, content.length - 1]) {
      const damaged = Buffer.from(content);
      damaged[at]! ^= 1;
      await writeFile(file, damaged);
      await assert.rejects(blobs.get('a/b'), StorageCorruptError);
    }
  });

  it('refuses a file that was cut', async () => {
    const blobs = await FileBlobs.open(folder);
    for (const length of [107, 50, 3, 0]) {
      await truncate(file, length);
      await assert.rejects(blobs.get('a/b'), StorageCorruptError);
    }
  });

  it('removes what a crash left, and never lists it', async () => {
    await writeFile(join(folder, 'a', 'half.tmp~'), 'x');
    const blobs = await FileBlobs.open(folder);
    assert.deepEqual(await blobs.list(''), ['a/b']);
    assert.deepEqual(await readdir(join(folder, 'a')), ['b~']);
  });

  it('says when the folder cannot be used', async () => {
    await assert.rejects(FileBlobs.open(file), StorageFailedError);
    const blobs = await FileBlobs.open(folder);
    await writeFile(join(folder, 'c'), 'a file where a folder is needed');
    await assert.rejects(blobs.put('c/d', new Uint8Array(1)), StorageFailedError);
  });
});
