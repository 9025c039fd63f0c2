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

  it('keeps a second one out, saying which process has the folder', () => {
    const lock = DataDirLock.acquire(folder);
    assert.throws(
      () => DataDirLock.acquire(folder),
      (error) => error instanceof StorageFailedError && error.message.includes(`is in use by process ${process.pid}`),
    );
    lock.release();
    DataDirLock.acquire(folder).release();
  });

  it('leaves nothing behind', async () => {
    const lock = DataDirLock.acquire(folder);
    assert.deepEqual(await readdir(folder), ['lock']);
    lock.release();
    lock.release();
    assert.deepEqual(await readdir(folder), []);
  });

  it('takes over at once from a process that was killed', async () => {
    const lockUrl = new URL('../../../storage/data-dir-lock.ts', import.meta.url).href;
    const code = `const { DataDirLock } = await import(${JSON.stringify(lockUrl)});
      DataDirLock.acquire(${JSON.stringify(folder)}); console.log('held'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code]);
    await once(child.stdout, 'data');
    assert.throws(() => DataDirLock.acquire(folder), new RegExp(`in use by process ${child.pid!}`));
    child.kill('SIGKILL');
    await once(child, 'exit');
    DataDirLock.acquire(folder).release();
  });

  it('does not mistake another process of the same number for the owner', async function () {
    DataDirLock.acquire(folder);
    const path = join(folder, 'lock');
    const owner = JSON.parse(await readFile(path, 'utf8')) as { pid: number; started: string };
    if (owner.started === '') this.skip();
    await writeFile(path, JSON.stringify({ ...owner, started: `${owner.started}0` }));
    DataDirLock.acquire(folder).release();
  });

  it('takes over a lock that nobody can have written', async () => {
    await writeFile(join(folder, 'lock'), '\0\0');
    DataDirLock.acquire(folder).release();
  });

  it('does not release the lock of another owner', async () => {
    const lock = DataDirLock.acquire(folder);
    await writeFile(join(folder, 'lock'), 'theirs');
    lock.release();
    assert.equal(await readFile(join(folder, 'lock'), 'utf8'), 'theirs');
  });

  it('fails clearly when the folder is not there', () => {
    assert.throws(() => DataDirLock.acquire(join(folder, 'missing')), StorageFailedError);
  });
});
