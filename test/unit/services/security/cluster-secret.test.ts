import assert from 'node:assert/strict';
import { clusterSecret } from '../../../../services/security/cluster-secret.js';
import { LmdbJournal } from '../../../../storage/journal/lmdb-journal.js';
import { LmdbEnvironment } from '../../../../storage/lmdb/lmdb-environment.js';
import { temporaryFolder } from '../../../support/temporary-folder.js';

describe('clusterSecret', () => {
  const folder = temporaryFolder();
  let environment: LmdbEnvironment;
  let journal: LmdbJournal;
  beforeEach(() => {
    environment = LmdbEnvironment.open(folder());
    journal = new LmdbJournal(environment);
  });
  afterEach(() => environment.close());

  it('is the same for all who start at once, and later', async () => {
    const secrets = await Promise.all([1, 2, 3, 4].map(() => clusterSecret(undefined, journal)));
    secrets.push(await clusterSecret(undefined, journal));
    assert.equal(new Set(secrets.map((secret) => Buffer.from(secret).toString('hex'))).size, 1);
    assert.equal(secrets[0]!.length, 32);
  });

  it('is the setting where there is one', async () => {
    const given = 'correct horse battery staple, twice over';
    assert.deepEqual(await clusterSecret(given, journal), Buffer.from(given));
    assert.equal((await journal.state({ topic: 'secrets', partition: 0 })).last, 0);
  });

  it('is not taken from a record that it does not understand', async () => {
    await journal.append({ topic: 'secrets', partition: 0 }, new Uint8Array([2, 1, 1]));
    await assert.rejects(clusterSecret(undefined, journal), { type: 'STORAGE_CORRUPT' });
  });
});
