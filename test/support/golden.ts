/**
 * Golden cases: a folder a case, `in.ndjson` beside `out.ndjson`. A changed `out` is reviewed like code.
 * `UPDATE_GOLDEN=1 npm test` writes what comes out now in place of what should.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const isUpdate = process.env.UPDATE_GOLDEN === '1';

/** Makes a test of every folder beside the file that calls this. */
export function goldenCases(folder: URL, run: (input: readonly unknown[]) => readonly unknown[]): void {
  for (const { name } of readdirSync(folder, { withFileTypes: true }).filter((item) => item.isDirectory())) {
    it(name, () => {
      const outPath = new URL(`${name}/out.ndjson`, folder);
      const out = run(lines(new URL(`${name}/in.ndjson`, folder))).map((record) => JSON.stringify(record));
      if (isUpdate) writeFileSync(outPath, `${out.join('\n')}\n`);
      const actual = out.map((line): unknown => JSON.parse(line));
      assert.deepEqual(actual, lines(outPath));
    });
  }
}

function lines(path: URL): unknown[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}
