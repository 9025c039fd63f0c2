/** Everything is lost but the backup: one process, its folder. */
import assert from 'node:assert/strict';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderRestore, RESTORING } from '../../storage/backup/embedded-backup.js';
import { DataDirLock } from '../../storage/data-dir-lock.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import { RedshankProcess } from '../support/redshank-process.js';
import { S3Server } from '../support/s3-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';
import { recordingTerminal, run } from '../unit/cli/recording-terminal.js';

const START_MS = Date.UTC(2026, 0, 1);
const wave = (i: number): number => 20 + Math.sin(i) + Math.sin(1.7 * i);
const KEY = 'a passphrase of more than sixteen letters';

describe('backup and restore', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  const running: RedshankProcess[] = [];
  afterEach(async () => {
    for (const redshank of running.splice(0)) await redshank.stop();
  });

  async function start(dataDir: string, env: Readonly<Record<string, string>> = {}): Promise<RedshankProcess> {
    const redshank = await RedshankProcess.start({ dataDir, env });
    running.push(redshank);
    return redshank;
  }

  async function post(url: string, from: number, to: number, device = 'pump-7', key = ''): Promise<void> {
    const readings = Array.from({ length: to - from }, (_, i) => ({
      device,
      ts: START_MS + 1_000 * (from + i),
      values: { temp: wave(from + i), vib: wave(3 * (from + i)) },
    }));
    const answer = await fetch(`${url}/v1/readings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key !== '' && { authorization: `Bearer ${key}` }) },
      body: JSON.stringify({ readings }),
    });
    assert.equal(answer.status, 202);
  }

  const get = async (url: string, path: string) => (await (await fetch(url + path)).json()) as Record<string, unknown>;
  const scored = async (url: string, device = 'pump-7') =>
    ((await get(url, `/v1/devices/${device}`))['outcomes'] as { scored: number } | undefined)?.scored ?? 0;
  const scores = async (url: string) =>
    (await get(url, `/v1/devices/pump-7/scores?limit=10000`))['scores'] as readonly object[];

  async function backup(dataDir: string, to: string, ...more: string[]) {
    const { exitCode, out, err } = await run(
      ['backup', '--to', to, '--json', ...more],
      recordingTerminal({ DATA_DIR: dataDir, ...s3 }),
    );
    assert.equal(exitCode, 0, err);
    return JSON.parse(out) as { place: string; parts: number; encrypted: boolean; removed: number };
  }
  async function restore(dataDir: string, from: string, ...more: string[]) {
    return run(['restore', '--from', from, '--json', ...more], recordingTerminal({ DATA_DIR: dataDir, ...s3 }));
  }
  let s3: Readonly<Record<string, string>> = {};

  it('brings all of it back, taken under load, and goes on as if nothing had happened', async () => {
    const [lost, twin, file] = [join(folder(), 'lost'), join(folder(), 'twin'), join(folder(), 'redshank.backup')];
    const [one, other] = [await start(lost), await start(twin)];
    for (const { url } of [one, other]) {
      await post(url, 0, 400);
      await until('all to be scored', async () => (await scored(url)) === 400);
    }
    const silence = { devices: ['pump-*'], until: new Date(Date.now() + 3_600_000).toISOString() };
    await fetch(`${one.url}/v1/silences`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(silence),
    });
    const loaded = new AbortController();
    const load = (async () => {
      for (let i = 0; !loaded.signal.aborted; i += 50) await post(one.url, i, i + 50, 'noise').catch(() => undefined);
    })();
    await backup(lost, file);
    loaded.abort();
    await load;
    await one.kill();
    rmSync(lost, { recursive: true });

    const { exitCode, err } = await restore(lost, file);
    assert.equal(exitCode, 0, err);
    const again = await start(lost);
    assert.equal(await scored(again.url), 400);
    const { silences } = (await get(again.url, '/v1/silences')) as { silences: { state: string }[] };
    assert.equal(silences[0]?.state, 'in-force');
    for (const { url } of [again, other]) await post(url, 400, 600);
    for (const { url } of [again, other]) await until('the rest', async () => (await scored(url)) === 600);
    assert.deepEqual(await scores(again.url), await scores(other.url));
  });

  it('brings it back into a folder that cannot be moved, and leaves alone what is not ours', async () => {
    const [dataDir, file, models] = [join(folder(), 'data'), join(folder(), 'redshank.backup'), 'm-1'];
    const env = { MODEL_PATH: join(dataDir, models) };
    const redshank = await start(dataDir, env);
    await post(redshank.url, 0, 10);
    await redshank.stop();
    mkdirSync(join(dataDir, 'lost+found'));
    writeFileSync(join(dataDir, models, 'some-model~'), 'weights');
    const terminal = () => recordingTerminal({ DATA_DIR: dataDir, ...env });
    assert.equal((await run(['backup', '--to', file], terminal())).exitCode, 0);
    const before = statSync(dataDir).ino;
    rmSync(join(dataDir, models, 'some-model~'));
    const { exitCode, err } = await run(['restore', '--from', file, '--yes'], terminal());
    assert.equal(exitCode, 0, err);
    // The folder may be where a volume is mounted.
    assert.equal(statSync(dataDir).ino, before);
    assert.equal(readFileSync(join(dataDir, models, 'some-model~'), 'utf8'), 'weights');
    const names = (await readdir(dataDir)).map((name) => name.replace(/^\.before-.*/, '.before'));
    assert.deepEqual(names.sort(), ['.before', 'blobs', 'journal', 'lost+found', models, 'read-side']);
    const again = await start(dataDir, env);
    await until('all to be there', async () => (await scored(again.url)) === 10);
  });

  it('lets nobody start in a folder that is being restored, or half restored', async () => {
    const dataDir = folder();
    const restore = await FolderRestore.begin({ dataDir, modelPath: join(dataDir, 'models') }, false);
    await assert.rejects(DataDirLock.acquire(dataDir, { waitMs: 100 }), { type: 'STORAGE_FAILED' });
    await restore.giveUp();
    mkdirSync(join(dataDir, RESTORING));
    await assert.rejects(openEmbeddedStorage(dataDir), /a restore of .* was broken off: run `redshank restore --yes`/);
  });

  it('keeps keys, and takes a backup also where nothing runs', async () => {
    const [dataDir, file] = [join(folder(), 'data'), join(folder(), 'redshank.backup')];
    const redshank = await start(dataDir, { AUTH: 'on' });
    const key = /rsk_[A-Za-z0-9_-]{43}/.exec(redshank.output)![0];
    await post(redshank.url, 0, 10, 'pump-7', key);
    await redshank.stop();
    await backup(dataDir, file);
    rmSync(dataDir, { recursive: true });
    assert.equal((await restore(dataDir, file)).exitCode, 0);
    const again = await start(dataDir, { AUTH: 'on' });
    await post(again.url, 10, 20, 'pump-7', key);
  });

  describe('of a small folder', () => {
    const kept = mkdtempSync(join(tmpdir(), 'redshank-kept-'));
    let dataDir: string;
    let file: string;
    after(() => rmSync(kept, { recursive: true }));
    before(async () => {
      dataDir = join(kept, 'data');
      const redshank = await start(dataDir);
      await post(redshank.url, 0, 50);
      await redshank.stop();
      file = join(kept, 'redshank.backup');
      await backup(dataDir, file);
    });

    it('is for its owner alone, and replaces nothing without being told', async () => {
      assert.equal(statSync(file).mode & 0o077, 0);
      const { exitCode, err } = await restore(dataDir, file);
      assert.equal(exitCode, 1);
      assert.match(err, /not empty: --yes moves what is there aside/);
      const replaced = await restore(dataDir, file, '--yes');
      assert.equal(replaced.exitCode, 0, replaced.err);
      assert.match((JSON.parse(replaced.out) as { aside: string }).aside, /before-/);
    });

    it('restores nothing while a process uses the folder', async () => {
      await start(dataDir);
      const { exitCode, err } = await restore(dataDir, file, '--yes');
      assert.equal(exitCode, 1);
      assert.match(err, /is in use by process/);
    });

    it('restores nothing of one that is cut or changed anywhere', async () => {
      const whole = readFileSync(file);
      const to = join(folder(), 'nothing');
      const damaged = join(folder(), 'damaged.backup');
      const at = [
        0,
        5,
        12,
        40,
        Math.floor(whole.length / 3),
        Math.floor(whole.length / 2),
        whole.length - 9,
        whole.length - 1,
      ];
      for (const place of at) {
        const changed = Buffer.from(whole);
        changed[place]! ^= 0x41;
        writeFileSync(damaged, changed);
        const { exitCode, err } = await restore(to, damaged);
        // Some bits of gzip's head mean nothing, and change nothing of what is in it.
        if (exitCode === 0) assert.ok(place < 10, `byte ${place} of ${whole.length}`);
        else assert.match(err, /damaged/, `byte ${place}`);
        rmSync(to, { recursive: true, force: true });
      }
      for (const length of [0, 3, 600, whole.length - 1]) {
        writeFileSync(damaged, whole.subarray(0, length));
        const { exitCode, err } = await restore(to, damaged);
        assert.equal(exitCode, 1, String(length));
        assert.match(err, /damaged/);
        await assert.rejects(readdir(to));
      }
    });

    it('is encrypted with a key, and opens with this one alone', async () => {
      const [right, wrong, sealed] = ['right', 'wrong', 'sealed'].map((name) => join(kept, name)) as [
        string,
        string,
        string,
      ];
      writeFileSync(right, `${KEY}\n`);
      writeFileSync(wrong, 'another passphrase of many letters');
      assert.equal((await backup(dataDir, sealed, '--key-file', right)).encrypted, true);
      assert.ok(readFileSync(sealed).subarray(0, 21).equals(Buffer.from('age-encryption.org/v1')));
      const check = async (...more: string[]) =>
        run(
          ['restore', '--from', sealed, '--check', '--json', ...more],
          recordingTerminal({ DATA_DIR: join(folder(), 'x') }),
        );
      assert.equal((await check('--key-file', right)).exitCode, 0);
      assert.match((await check('--key-file', wrong)).err, /cannot be opened with this key/);
      assert.match((await check()).err, /encrypted: give the key/);
    });

    it('is encrypted with a public key, and opens with the secret one', async () => {
      const identity = await generateIdentity();
      const [open, secret, sealed] = ['public', 'secret', 'sealed-2'].map((name) => join(kept, name)) as [
        string,
        string,
        string,
      ];
      writeFileSync(open, `# of the operators\n${await identityToRecipient(identity)}\n`);
      writeFileSync(secret, `# public key: ${await identityToRecipient(identity)}\n${identity}\n`);
      await backup(dataDir, sealed, '--key-file', open);
      const check = async (key: string) =>
        run(
          ['restore', '--from', sealed, '--check', '--key-file', key],
          recordingTerminal({ DATA_DIR: join(folder(), 'x') }),
        );
      assert.equal((await check(secret)).exitCode, 0);
      assert.match((await check(open)).err, /with a public key \(age1…\) nothing can be opened/);
      const changed = readFileSync(sealed);
      changed[changed.length - 100]! ^= 1;
      writeFileSync(sealed, changed);
      assert.equal((await check(secret)).exitCode, 1);
    });

    it('has the newest n kept in a folder, and the newest brought back', async () => {
      const many = join(folder(), 'many');
      for (const name of ['redshank-2025-01-01T000000Z.backup', 'redshank-2025-01-02T000000Z.backup', 'notes.txt']) {
        await backup(dataDir, join(many, name));
      }
      const { removed, place } = await backup(dataDir, `${many}/`, '--keep', '2');
      assert.equal(removed, 1);
      assert.deepEqual(
        (await readdir(many)).sort(),
        ['notes.txt', 'redshank-2025-01-02T000000Z.backup', place.split('/').at(-1)!].sort(),
      );
      const { out } = await restore(join(folder(), 'new'), `${many}/`);
      assert.equal((JSON.parse(out) as { place: string }).place, place);
    });

    it("takes no other backup's place, and keeps many in a folder alone", async () => {
      const one = join(folder(), 'one.backup');
      await backup(dataDir, one);
      const again = async (...more: readonly string[]) =>
        run(['backup', '--to', one, ...more], recordingTerminal({ DATA_DIR: dataDir }));
      assert.match((await again()).err, /is there already, and no backup takes the place of another/);
      assert.match((await again('--keep', '2')).err, /--keep is for a folder or prefix/);
    });

    it('removes none beside one that looks like the backup of a lost log', async () => {
      const many = join(folder(), 'many');
      const large = ['redshank-2025-01-01T000000Z.backup', 'redshank-2025-01-02T000000Z.backup'];
      mkdirSync(many);
      for (const name of large) writeFileSync(join(many, name), Buffer.alloc(50_000_000));
      const nightly = async () =>
        run(['backup', '--to', `${many}/`, '--keep', '1'], recordingTerminal({ DATA_DIR: dataDir }));
      const { exitCode, err } = await nightly();
      assert.equal(exitCode, 1);
      assert.match(err, /is under a tenth of the largest backup beside it: was the log lost\? None was removed/);
      assert.equal((await readdir(many)).length, 3);
    });

    it('says of what it is, into what it goes, and whether it is encrypted', async () => {
      const one = join(folder(), 'one.backup');
      const { out } = await run(['backup', '--to', one], recordingTerminal({ DATA_DIR: dataDir }));
      assert.ok(out.includes(`the data in ${dataDir}, `), out);
      const to = join(folder(), 'to');
      const command = ['restore', '--from', one];
      const checked = await run([...command, '--check'], recordingTerminal({ DATA_DIR: to }));
      assert.match(checked.out, /^whole: .*, NOT encrypted$/m);
      const restored = await run(command, recordingTerminal({ DATA_DIR: to }));
      assert.ok(restored.out.startsWith(`restored into the data in ${to}: `), restored.out);
    });

    it('goes to a store that speaks S3, and comes back from there', async () => {
      const store = await S3Server.start();
      s3 = {
        S3_ENDPOINT: store.url,
        AWS_ACCESS_KEY_ID: store.accessKeyId,
        AWS_SECRET_ACCESS_KEY: store.secretAccessKey,
      };
      try {
        const old = 'line-3/redshank-2025-01-01T000000Z.backup';
        await backup(dataDir, `s3://backups/${old}`);
        const { place, removed } = await backup(dataDir, 's3://backups/line-3/', '--keep', '1');
        assert.equal(removed, 1);
        assert.equal(store.objects.has(`backups/${old}`), false);
        assert.match(place, /^s3:\/\/backups\/line-3\/redshank-/);
        const to = join(folder(), 'from-s3');
        const { exitCode, err } = await restore(to, 's3://backups/line-3/');
        assert.equal(exitCode, 0, err);
        s3 = { ...s3, AWS_SECRET_ACCESS_KEY: 'wrong' };
        assert.match((await restore(to, 's3://backups/line-3/')).err, /403 SignatureDoesNotMatch/);
      } finally {
        s3 = {};
        await store.stop();
      }
    });
  });

  it('says what there is none of', async () => {
    const { exitCode, err } = await run(
      ['backup', '--to', join(folder(), 'x')],
      recordingTerminal({ DATA_DIR: join(folder(), 'none') }),
    );
    assert.equal(exitCode, 4);
    assert.match(err, /holds no data of Redshank/);
    assert.equal((await restore(join(folder(), 'y'), join(folder(), 'no.backup'))).exitCode, 4);
  });
});
