import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileBlobs } from '../../storage/blobs/file-blobs.js';
import { describeBlobs } from './blobs.conformance.js';

describeBlobs('files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'redshank-blobs-'));
  return {
    blobs: await FileBlobs.open(folder),
    reopen: () => FileBlobs.open(folder),
    dispose: () => rm(folder, { recursive: true }),
  };
});
