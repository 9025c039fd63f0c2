import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../../storage/make-folder.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

describe('makeFolder', () => {
  const folder = temporaryFolder();

  it('makes what is missing, and only that', () => {
    const path = join(folder(), 'a', 'b');
    makeFolder(path);
    makeFolder(path);
    assert.ok(statSync(path).isDirectory());
  });

  it('ends where nothing can be made', function () {
    if (!existsSync('/proc')) this.skip();
    assert.throws(() => makeFolder('/proc/foo/bar'), /ENOENT|EACCES|EPERM/);
  });

  it('refuses a file in the way', () => {
    const file = join(folder(), 'file');
    writeFileSync(file, '');
    for (const path of [file, join(file, 'a')]) assert.throws(() => makeFolder(path), /ENOTDIR/);
  });
});
