/**
 * `<DATASET>/labels.json`: which rows of which series were anomalies. Read after scoring, for figures and pictures alone.
 *
 *     { "series": { "pump-7.csv": { "ranges": [[812, 840]] },
 *                   "pump-8.csv": { "windows": [["2026-01-05 03:00:00", "2026-01-05 03:20:00"]] } } }
 *
 * `ranges` are first and last rows from 0; `windows` are first and last times, read where there are no ranges. Everything else
 * may be left out: `rows` (checked), `scoreFrom` (rows before it are not judged), `vusWindow`, `fault`, `exclude`, and of the
 * whole data set `protocol`, which adds the measures of a field.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type, type Static } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { PROTOCOLS, type Protocol } from '../../models/evaluation/data-set-figures.js';
import type { RowRange } from '../../models/evaluation/row-range.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { parseSourceTime } from '../../models/formats/source-time.js';

const Count = Type.Integer({ minimum: 0 });
const Moment = Type.Union([Type.String(), Type.Number()]);

const SeriesLabels = Type.Object({
  rows: Type.Optional(Count),
  ranges: Type.Optional(Type.Array(Type.Tuple([Count, Count]))),
  windows: Type.Optional(Type.Array(Type.Tuple([Moment, Moment]))),
  scoreFrom: Type.Optional(Count),
  vusWindow: Type.Optional(Count),
  fault: Type.Optional(Type.Number()),
  exclude: Type.Optional(Type.Boolean()),
});
export type SeriesLabels = Static<typeof SeriesLabels>;

const LabelsFile = Type.Object({
  protocol: Type.Optional(Type.String()),
  series: Type.Record(Type.String(), SeriesLabels),
});

export interface DataSetLabels {
  readonly protocol: Protocol;
  /** By the path of the CSV file within the data set, with `.csv`, without `.gz`. */
  readonly series: Readonly<Record<string, SeriesLabels>>;
}

/**
 * @returns undefined where the data set has none
 * @throws CommandFailure when they cannot be read
 */
export async function readLabels(dataDir: string, dataset: string): Promise<DataSetLabels | undefined> {
  const path = join(dataDir, dataset, 'labels.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const labels = parsed(path, text);
  const fault = Value.Errors(LabelsFile, labels).First();
  if (fault !== undefined) throw badLabels(path, `${fault.path}: ${fault.message.toLowerCase()}`);
  const { protocol, series } = labels as Static<typeof LabelsFile>;
  return { protocol: PROTOCOLS.find((known) => known === protocol) ?? 'vus', series };
}

/**
 * The labelled rows of a series.
 *
 * @param times timestamps of all rows, as written
 * @throws CommandFailure when the labels do not fit the series
 */
export function labelledRanges(id: string, labels: SeriesLabels, times: readonly string[]): RowRange[] {
  const { rows, ranges, windows = [] } = labels;
  if (rows !== undefined && rows !== times.length) {
    throw badLabels(id, `they are for ${rows} rows, the series has ${times.length}`);
  }
  const found = ranges ?? rowsOfWindows(id, windows, times);
  found.forEach(([first, last], r) => {
    const before = found[r - 1]?.[1] ?? -1;
    if (first <= before || last < first || last >= times.length) {
      throw badLabels(
        id,
        `range ${r} [${first}, ${last}] must be ascending, apart from the others and within the rows`,
      );
    }
  });
  return found;
}

/** Windows between two rows hold none, and are left out: nobody could find them. */
function rowsOfWindows(
  id: string,
  windows: NonNullable<SeriesLabels['windows']>,
  times: readonly string[],
): RowRange[] {
  if (windows.length === 0) return [];
  const timesMs = times.map((time) => parseSourceTime(time));
  const toMs = (time: string | number): number => {
    const ms = parseSourceTime(time);
    if (typeof ms === 'number') return ms;
    throw badLabels(id, `a window's time ${ms}`);
  };
  return windows.flatMap(([from, to]) => {
    const [fromMs, toMsInclusive] = [toMs(from), toMs(to)];
    const isWithin = (ms: number | string): boolean => typeof ms === 'number' && ms >= fromMs && ms <= toMsInclusive;
    const first = timesMs.findIndex(isWithin);
    return first < 0 ? [] : [[first, timesMs.findLastIndex(isWithin)] as const];
  });
}

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badLabels(path, error instanceof Error ? error.message : String(error));
  }
}

const badLabels = (where: string, what: string): CommandFailure =>
  new CommandFailure(ExitCode.failed, `labels of ${where} cannot be used: ${what}`);
