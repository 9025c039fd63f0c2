/** Keeps what a backtest reads apart from what it writes: the results have the names of the series. */
import { existsSync, realpathSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { makeFolder } from '../../storage/make-folder.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';

/** Lies in a folder of results, so that a later run does not take them for series. */
const MARK = '.redshank-results';

/** @throws CommandFailure (usage) when one of the folders is the other, or lies in it, also by a link. */
export function requireSeparate(dataDir: string, outDir: string): void {
  const data = realPath(resolve(dataDir));
  const out = realPath(resolve(outDir));
  if (!isWithin(data, out) && !isWithin(out, data)) return;
  throw new CommandFailure(
    ExitCode.usage,
    `--out must be a folder apart from --data, got ${outDir} and ${dataDir}: results would stand among the series, or over them`,
  );
}

/** Makes the folder of results and marks it. */
export async function makeResultFolder(outDir: string): Promise<void> {
  makeFolder(outDir);
  await writeFile(join(outDir, MARK), 'Results of `redshank backtest`; it reads no series here.\n');
}

export function isResultFolder(folder: string): boolean {
  return existsSync(join(folder, MARK));
}

const isWithin = (inner: string, outer: string): boolean => {
  const path = relative(outer, inner);
  return path === '' || (path !== '..' && !path.startsWith(`..${sep}`) && resolve(path) !== path);
};

/** Links resolved as far as the path exists. */
function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  return path === dirname(path) ? path : join(realPath(dirname(path)), basename(path));
}
