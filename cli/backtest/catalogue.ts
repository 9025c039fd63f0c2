/** Which series there are. Found by looking at the folders alone: labels are never opened. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { suggestion } from '../../models/settings/nearest-name.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { isResultFolder } from './separate-folders.js';

export interface Series {
  /** Folder of the data set. */
  readonly dataset: string;
  /** Path within it without `.csv` or `.csv.gz`, with `/`, for example `realKnownCause/machine_temperature`. */
  readonly name: string;
  readonly path: string;
  /** Size on disk. */
  readonly bytes: number;
  /** Earlier history of the same series, if there is any. */
  readonly trainPath: string | undefined;
}

const CSV = /\.csv(\.gz)?$/;
const TRAIN = 'train';
const LABELS = 'labels.json';

/**
 * The series of `dataDir/<DATASET>/**.csv[.gz]`, largest first, so that the last one to finish is a small one. Folders of
 * results are no data sets.
 *
 * @param only names of data sets; undefined: all.
 * @throws CommandFailure when there are none, no such data set, or two files for one series.
 */
export async function findSeries(dataDir: string, only: readonly string[] | undefined): Promise<readonly Series[]> {
  const folders = (await readdir(dataDir, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && !isResultFolder(join(dataDir, entry.name)))
    .map((entry) => entry.name)
    .sort();
  for (const name of only ?? []) {
    if (folders.includes(name)) continue;
    throw new CommandFailure(ExitCode.notFound, `no data set ${name} in ${dataDir}${suggestion(name, folders)}`);
  }
  const found: Series[] = [];
  for (const dataset of only ?? folders) found.push(...(await seriesOf(dataDir, dataset)));
  const names = await readdir(dataDir);
  if (names.includes(LABELS) || (found.length === 0 && names.some((name) => CSV.test(name)))) {
    throw new CommandFailure(
      ExitCode.usage,
      `${dataDir} is a data set itself: give the folder that it is in, --data ${dirname(resolve(dataDir))}`,
    );
  }
  if (found.length === 0) {
    throw new CommandFailure(
      ExitCode.notFound,
      `${dataDir} holds no series: <DATASET>/<series>.csv or .csv.gz is expected`,
    );
  }
  return found.sort((a, b) => b.bytes - a.bytes);
}

async function seriesOf(dataDir: string, dataset: string): Promise<Series[]> {
  const root = join(dataDir, dataset);
  const files = (await readdir(root, { recursive: true })).map((path) => path.replaceAll('\\', '/')).sort();
  const trains = new Map(
    files
      .filter((path) => CSV.test(path) && path.startsWith(`${TRAIN}/`))
      .map((path) => [path.slice(TRAIN.length + 1).replace(CSV, ''), join(root, path)]),
  );
  const found: Series[] = [];
  for (const path of files) {
    if (!CSV.test(path) || path.startsWith(`${TRAIN}/`)) continue;
    const info = await stat(join(root, path));
    const name = path.replace(CSV, '');
    if (!info.isFile()) continue;
    const twin = found.find((series) => series.name === name);
    if (twin !== undefined) {
      throw new CommandFailure(
        ExitCode.usage,
        `${twin.path} and ${join(root, path)} are both the series ${dataset}/${name}: keep one of them`,
      );
    }
    found.push({ dataset, name, path: join(root, path), bytes: info.size, trainPath: trains.get(name) });
  }
  return found;
}
