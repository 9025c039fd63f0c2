import assert from 'node:assert/strict';
import type { Clock } from '../../../../mixins/clock.js';
import { StorageFailedError } from '../../../../models/errors.js';
import { ApiKeys } from '../../../../services/security/api-keys.js';
import { FileKeyStore } from '../../../../services/security/file-key-store.js';
import type { KeyStore, StoredKey } from '../../../../services/security/key-store.js';
import { LogKeyStore } from '../../../../services/security/log-key-store.js';
import { LmdbJournal } from '../../../../storage/journal/lmdb-journal.js';
import { LmdbEnvironment } from '../../../../storage/lmdb/lmdb-environment.js';
import { temporaryFolder } from '../../../support/temporary-folder.js';
import { until } from '../../../support/until.js';

const CI = { name: 'ci', tenant: 'default', role: 'writer' } as const;

describe('ApiKeys', () => {
  const remove = () => Promise.resolve(true);
  const folder = temporaryFolder();
  let nowMs = 0;
  const clock: Clock = { wallMs: () => 1_000, monotonicMs: () => nowMs };
  const environments: LmdbEnvironment[] = [];
  const journalIn = (dataDir: string): LmdbJournal => {
    const environment = LmdbEnvironment.open(dataDir);
    environments.push(environment);
    return new LmdbJournal(environment);
  };
  afterEach(async () => {
    for (const environment of environments.splice(0)) await environment.close();
  });

  const stores: Record<string, () => () => KeyStore> = {
    'a file': () => {
      const dataDir = folder();
      return () => new FileKeyStore(dataDir);
    },
    'the log': () => {
      const journal = journalIn(folder());
      return () => new LogKeyStore(journal);
    },
  };
  for (const [where, storesOfOnePlace] of Object.entries(stores)) {
    describe(`in ${where}`, () => {
      it('know a key after a restart, and no other', async () => {
        const store = storesOfOnePlace();
        const key = (await (await ApiKeys.open(store(), clock)).createFirst('admin'))!;
        const keys = await ApiKeys.open(store(), clock);
        assert.deepEqual(await keys.find(key), { name: 'admin', tenant: 'default', role: 'admin' });
        assert.equal(await keys.find(`rsk_${'A'.repeat(43)}`), undefined);
        assert.equal(await keys.find('nonsense'), undefined);
      });

      it('make the first key once', async () => {
        const store = storesOfOnePlace();
        const keys = await ApiKeys.open(store(), clock);
        assert.ok(await keys.createFirst('admin'));
        assert.equal(await keys.createFirst('admin'), undefined);
      });

      it('refuse a second key of a name', async () => {
        const keys = await ApiKeys.open(storesOfOnePlace()(), clock);
        await keys.create(CI);
        await assert.rejects(keys.create(CI), { type: 'CONFLICT' });
      });

      it('know role, tenant and devices of a key, until it expires', async () => {
        const store = storesOfOnePlace();
        const owner = { name: 'pumps', tenant: 'acme', role: 'device', devices: ['pump-*'] } as const;
        const made = await ApiKeys.open(store(), clock);
        const key = await made.create({ ...owner, expiresMs: 2_000 });
        const keys = await ApiKeys.open(store(), { ...clock, wallMs: () => wallMs });
        let wallMs = 1_999;
        assert.deepEqual(await keys.find(key), owner);
        wallMs = 2_000;
        assert.equal(await keys.find(key), undefined);
      });

      it('refuse a key that was revoked, here at once and elsewhere within seconds', async () => {
        const store = storesOfOnePlace();
        const [here, there] = [await ApiKeys.open(store(), clock), await ApiKeys.open(store(), clock)];
        const key = await here.create(CI);
        nowMs += 2_000;
        assert.ok(await there.find(key));
        await here.revoke('default', 'ci', 'ada');
        assert.equal(await here.find(key), undefined);
        nowMs += 5_000;
        await there.find(key);
        await until('the news', async () => (await there.find(key)) === undefined);
        await assert.rejects(here.revoke('default', 'ci', 'ada'), { type: 'NOT_FOUND' });
      });

      it('lose none of several that are made at once', async () => {
        const store = storesOfOnePlace();
        const keys = await ApiKeys.open(store(), clock);
        const names = ['a', 'b', 'c', 'd', 'e'];
        const made = await Promise.all(names.map((name) => keys.create({ ...CI, name })));
        const found = await Promise.all(made.map(async (key) => (await keys.find(key))?.name));
        assert.deepEqual(found, names);
        assert.equal((await (await ApiKeys.open(store(), clock)).list('default')).length, 5);
        const twice = await Promise.allSettled([1, 2].map(() => keys.create({ ...CI, name: 'f' })));
        assert.deepEqual(twice.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
      });

      it('keep tenants apart, and the last admin', async () => {
        const keys = await ApiKeys.open(storesOfOnePlace()(), clock);
        await keys.createFirst('admin');
        await keys.create({ ...CI, tenant: 'acme' });
        await keys.create(CI);
        assert.deepEqual(
          (await keys.list('default')).map(({ name }) => name),
          ['admin', 'ci'],
        );
        await assert.rejects(keys.revoke('acme', 'admin', 'eve'), { type: 'NOT_FOUND' });
        await assert.rejects(keys.revoke('default', 'admin', 'eve'), { type: 'CONFLICT' });
      });

      it('take a key that was made elsewhere', async () => {
        const store = storesOfOnePlace();
        const here = await ApiKeys.open(store(), clock);
        const key = await (await ApiKeys.open(store(), clock)).create(CI);
        nowMs += 2_000;
        assert.equal((await here.find(key))?.name, 'ci');
      });
    });
  }

  it('of several gateways that start at once make one key together', async () => {
    const journal = journalIn(folder());
    const gateways = await Promise.all([1, 2, 3, 4].map(() => ApiKeys.open(new LogKeyStore(journal), clock)));
    const made = await Promise.all(gateways.map((keys) => keys.createFirst('admin')));
    const [key, ...more] = made.filter((key) => key !== undefined);
    assert.deepEqual(more, []);
    for (const keys of gateways) {
      nowMs += 2_000;
      assert.equal((await keys.find(key!))?.name, 'admin');
    }
  });

  it('do not look into the store for every wrong key', async () => {
    let loads = 0;
    const store: KeyStore = { load: () => Promise.resolve((loads++, [])), add: () => Promise.resolve(true), remove };
    const keys = await ApiKeys.open(store, clock);
    nowMs += 2_000;
    const wrong = (digit: number) => keys.find(`rsk_${String(digit).repeat(43)}`);
    await Promise.all([1, 2, 3].map(wrong));
    for (const digit of [4, 5, 6]) await wrong(digit);
    assert.equal(loads, 2);
  });

  it('show a key that was kept although the store said it was not', async () => {
    const stored: StoredKey[] = [];
    const store: KeyStore = {
      load: () => Promise.resolve(stored),
      add: (key) => {
        stored.push(key);
        return Promise.reject(new StorageFailedError('no answer in time'));
      },
      remove,
    };
    const keys = await ApiKeys.open(store, clock);
    assert.equal((await keys.find((await keys.createFirst('admin'))!))?.name, 'admin');
  });

  it('refuse a log that they do not understand', async () => {
    const journal = journalIn(folder());
    await journal.append({ topic: 'keys', partition: 0 }, Buffer.from('{"version":1,"type":"revoked"}'));
    await assert.rejects(ApiKeys.open(new LogKeyStore(journal), clock), { type: 'STORAGE_CORRUPT' });
  });
});
