import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder for each test of the suite that calls this; removed afterwards. */
export function temporaryFolder(): () => string {
  const folders: string[] = [];
  afterEach(async () => {
    await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
  });
  return () => {
    const folder = mkdtempSync(join(tmpdir(), 'redshank-test-'));
    folders.push(folder);
    return folder;
  };
}
