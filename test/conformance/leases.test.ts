import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InProcessLeases } from '../../storage/leases/in-process-leases.js';
import { LmdbEpochCounter } from '../../storage/leases/lmdb-epoch-counter.js';
import { LmdbEnvironment } from '../../storage/lmdb/lmdb-environment.js';
import { describeLeases } from './leases.conformance.js';

describeLeases('in process', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'redshank-leases-'));
  let environment = LmdbEnvironment.open(folder);
  let timeMs = 0;
  const options = { nowMs: () => timeMs };
  return {
    leases: new InProcessLeases(new LmdbEpochCounter(environment), options),
    pass: (ms) => {
      timeMs += ms;
      return Promise.resolve();
    },
    reopen: async () => {
      await environment.close();
      environment = LmdbEnvironment.open(folder);
      return new InProcessLeases(new LmdbEpochCounter(environment), options);
    },
    dispose: async () => {
      await environment.close();
      await rm(folder, { recursive: true });
    },
  };
});
