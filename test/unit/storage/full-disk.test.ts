import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const WRITER = fileURLToPath(new URL('full-disk-writer.ts', import.meta.url));

describe('a journal on a full disk', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'redshank-full-'))));
  afterEach(() => rm(folder, { recursive: true }));

  it('refuses whole groups, shows nothing of them, and goes on when there is room', async () => {
    // A limit on the size of files is what a process without privileges can get of a full disk: writes fail all the same.
    const command = 'ulimit -f 40000; exec "$0" --import tsx "$1" "$2"';
    const { stdout } = await run('sh', ['-c', command, process.execPath, WRITER, folder], { timeout: 25_000 });
    const seen = JSON.parse(stdout) as Record<string, number | boolean>;
    const acknowledged = Number(seen['acknowledged']);
    assert.ok(acknowledged > 0);
    assert.deepEqual(seen, {
      acknowledged,
      rejected: 8,
      last: acknowledged,
      read: acknowledged,
      again: acknowledged + 1,
      areStorageFailures: true,
    });
  });
});
