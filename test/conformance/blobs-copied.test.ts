import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CopiedBlobs } from '../../storage/blobs/copied-blobs.js';
import { FileBlobs } from '../../storage/blobs/file-blobs.js';
import { describeBlobs } from './blobs.conformance.js';

describeBlobs('files, copied', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'redshank-blobs-'));
  const open = async () => {
    const [shared, copy] = [await FileBlobs.open(join(folder, 'shared')), await FileBlobs.open(join(folder, 'copy'))];
    return CopiedBlobs.open(shared, copy, (error) => {
      throw error;
    });
  };
  return { blobs: await open(), reopen: open, dispose: () => rm(folder, { recursive: true }) };
});
