import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageFailedError } from '../../../models/errors.js';
import { CopiedBlobs } from '../../../storage/blobs/copied-blobs.js';
import { FileBlobs } from '../../../storage/blobs/file-blobs.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (found: Uint8Array | undefined) => found && new TextDecoder().decode(found);

describe('models in two places', () => {
  const newFolder = temporaryFolder();
  let folder = '';
  let shared: FileBlobs;
  let copy: FileBlobs;
  const damaged: string[] = [];

  beforeEach(async () => {
    damaged.length = 0;
    folder = newFolder();
    shared = await FileBlobs.open(join(folder, 'shared'));
    copy = await FileBlobs.open(join(folder, 'copy'));
  });
  const open = () => CopiedBlobs.open(shared, copy, (error) => damaged.push(error.message));

  it('are the same on both sides after a start', async () => {
    await shared.put('trained', bytes('a'));
    await copy.put('lost', bytes('b'));
    await open();
    for (const side of [shared, copy]) {
      assert.deepEqual(await side.list(''), ['lost', 'trained']);
      assert.equal(textOf(await side.get('lost')), 'b');
    }
  });

  it('are copied when somebody else stored them, once they are read', async () => {
    const both = await open();
    await shared.put('uploaded', bytes('c'));
    assert.equal(textOf(await both.get('uploaded')), 'c');
    assert.equal(textOf(await copy.get('uploaded')), 'c');
  });

  it('are put back where they were lost meanwhile', async () => {
    const both = await open();
    await both.put('model', bytes('d'));
    await shared.delete('model');
    assert.equal(textOf(await both.get('model')), 'd');
    assert.equal(textOf(await shared.get('model')), 'd');
  });

  it('do not come back when they are deleted', async () => {
    const both = await open();
    await both.put('model', bytes('e'));
    await both.delete('model');
    assert.deepEqual(await (await open()).list(''), []);
  });

  it('are stored and read where nothing can be copied', async () => {
    await shared.put('old', bytes('g'));
    const full = () => Promise.reject(new StorageFailedError('no space left'));
    copy.put = full;
    const both = await open();
    await both.put('new', bytes('h'));
    assert.equal(textOf(await both.get('old')), 'g');
    assert.equal(textOf(await both.get('new')), 'h');
    assert.ok(damaged.length > 0 && damaged.every((message) => message === 'no space left'), damaged.join());
  });

  it('are passed over where the copy is damaged', async () => {
    await copy.put('model', bytes('f'));
    const [file = ''] = await readdir(join(folder, 'copy'));
    await writeFile(join(folder, 'copy', file), 'nonsense');
    await open();
    assert.deepEqual(await shared.list(''), []);
    assert.match(damaged[0]!, /the blob model is not what was written/);
  });
});
