import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmdbJournal } from '../../storage/journal/lmdb-journal.js';
import { LmdbEnvironment } from '../../storage/lmdb/lmdb-environment.js';
import { describeJournal } from './journal.conformance.js';

describeJournal('LMDB', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'redshank-journal-'));
  let environment = LmdbEnvironment.open(folder);
  let journal = new LmdbJournal(environment);
  const close = async () => {
    await journal.close();
    await environment.close();
  };
  return {
    journal,
    reopen: async () => {
      await close();
      environment = LmdbEnvironment.open(folder);
      journal = new LmdbJournal(environment);
      return journal;
    },
    dispose: async () => {
      await close();
      await rm(folder, { recursive: true });
    },
  };
});
