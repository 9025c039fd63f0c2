import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StorageFailedError } from '../../../models/errors.js';
import { DataDirLock } from '../../../storage/data-dir-lock.js';

describe('DataDirLock', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'redshank-lock-'))));
  afterEach(() => rm(folder, { recursive: true }));

  it('keeps a second one out, saying which process has the folder', async () => {
    const lock = await DataDirLock.acquire(folder);
    await assert.rejects(
      DataDirLock.acquire(folder),
      (error) => error instanceof StorageFailedError && error.message.includes(`is in use by process ${process.pid}`),
    );
    lock.release();
    (await DataDirLock.acquire(folder)).release();
  });

  it('leaves nothing behind', async () => {
    const lock = await DataDirLock.acquire(folder);
    assert.deepEqual(await readdir(folder), ['lock']);
    lock.release();
    lock.release();
    assert.deepEqual(await readdir(folder), []);
  });

  it('takes over at once from a process that was killed', async () => {
    const lockUrl = new URL('../../../storage/data-dir-lock.ts', import.meta.url).href;
    const code = `const { DataDirLock } = await import(${JSON.stringify(lockUrl)});
      await DataDirLock.acquire(${JSON.stringify(folder)}); console.log('held'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code]);
    await once(child.stdout, 'data');
    await assert.rejects(DataDirLock.acquire(folder), new RegExp(`in use by process ${child.pid!}`));
    child.kill('SIGKILL');
    await once(child, 'exit');
    (await DataDirLock.acquire(folder)).release();
  });

  it('does not mistake another process of the same number for the owner', async function () {
    await DataDirLock.acquire(folder);
    const path = join(folder, 'lock');
    const owner = JSON.parse(await readFile(path, 'utf8')) as { pid: number; started: string };
    if (owner.started === '') this.skip();
    await writeFile(path, JSON.stringify({ ...owner, started: `${owner.started}0` }));
    (await DataDirLock.acquire(folder)).release();
  });

  it('takes over a lock that nobody can have written', async () => {
    await writeFile(join(folder, 'lock'), '\0\0');
    (await DataDirLock.acquire(folder)).release();
  });

  it('does not release the lock of another owner', async () => {
    const lock = await DataDirLock.acquire(folder);
    await writeFile(join(folder, 'lock'), 'theirs');
    lock.release();
    assert.equal(await readFile(join(folder, 'lock'), 'utf8'), 'theirs');
  });

  it('fails clearly when the folder is not there', async () => {
    await assert.rejects(DataDirLock.acquire(join(folder, 'missing')), StorageFailedError);
  });

  describe('of an owner elsewhere', () => {
    const options = { heartbeatMs: 10, deadAfterMs: 400, waitMs: 1_000 };
    /** As if the lock had been taken in another container, where our pid is that of a process of its own. */
    const moveElsewhere = async (): Promise<void> => {
      const path = join(folder, 'lock');
      const owner = JSON.parse(await readFile(path, 'utf8')) as object;
      await writeFile(path, JSON.stringify({ ...owner, started: 'x/1', pidNamespace: 'pid:[1]', host: 'there' }));
    };

    it('is respected while it is touched, and left alone', async () => {
      const lock = await DataDirLock.acquire(folder, options);
      await moveElsewhere();
      const theirs = await readFile(join(folder, 'lock'), 'utf8');
      await assert.rejects(DataDirLock.acquire(folder, options), /is in use by process \d+ on there/);
      assert.equal(await readFile(join(folder, 'lock'), 'utf8'), theirs);
      assert.deepEqual(await readdir(folder), ['lock']);
      lock.release();
    });

    it('is taken over when nobody touches it any more', async () => {
      (await DataDirLock.acquire(folder, { heartbeatMs: 1e9 })).release();
      const held = await DataDirLock.acquire(folder, { heartbeatMs: 1e9 });
      await moveElsewhere();
      (await DataDirLock.acquire(folder, options)).release();
      held.release();
      assert.deepEqual(await readdir(folder), []);
    });

    it('is taken over as soon as it is gone', async () => {
      const lock = await DataDirLock.acquire(folder, options);
      await moveElsewhere();
      const waiting = DataDirLock.acquire(folder, { ...options, waitMs: 20_000 });
      await rm(join(folder, 'lock'));
      (await waiting).release();
      lock.release();
    });
  });
});
