import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmdbEnvironment } from '../../storage/lmdb/lmdb-environment.js';
import { LmdbReadSide } from '../../storage/read-side/lmdb-read-side.js';
import { describeReadSide } from './read-side.conformance.js';

describeReadSide('LMDB', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'redshank-read-side-'));
  let environment = LmdbEnvironment.open(folder);
  return {
    readSide: new LmdbReadSide(environment),
    crash: async () => {
      await environment.close();
      environment = LmdbEnvironment.open(folder);
      return new LmdbReadSide(environment);
    },
    dispose: async () => {
      await environment.close();
      await rm(folder, { recursive: true });
    },
  };
});
