/**
 * A simulated data set with labels, in the layout that `redshank backtest` reads and its scorers know: one CSV file a device
 * (`timestamp`, then the channels; an empty cell is a missing value) and one `labels.json`.
 */
import { SettingInvalidError } from '../errors.js';
import { createFleet, type FleetOptions } from './fleet.js';
import type { FaultTruth } from './fault.js';
import { deviceKind } from './devices/index.js';
import type { Sample } from './sensor-node.js';

export interface LabelledDataSetOptions extends FleetOptions {
  /** Folder and name of the data set: 1 to 128 letters, digits, `_` and `-`. */
  readonly name: string;
  /** Unix ms, exclusive. */
  readonly endMs: number;
}

export interface SeriesLabels {
  readonly rows: number;
  readonly features: number;
  readonly periodSeconds: number;
  /** First and last row of each anomaly, from 0, both inclusive, ascending, apart from each other. */
  readonly ranges: readonly (readonly [number, number])[];
  /** Timestamps of those rows. */
  readonly windows: readonly (readonly [string, string])[];
  readonly anomalyRatio: number;
  /** Rows of tolerance at the edges of a range, for volume-under-surface figures. */
  readonly vusWindow: number;
  /** Which faults the ranges are made of, times in Unix ms. */
  readonly faults: readonly FaultTruth[];
}

export interface DataSetLabels {
  readonly dataset: string;
  readonly split: 'dev';
  readonly licence: string;
  readonly source: string;
  readonly protocol: 'vus';
  readonly features: number;
  readonly note: string;
  readonly series: Readonly<Record<string, SeriesLabels>>;
}

export interface LabelledDataSet {
  /** Path within the data set's folder, and text. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
  /** To be written as `labels.json`. */
  readonly labels: DataSetLabels;
}

const VUS_WINDOW = 50;
/** Names of files and folders; device ids in general may hold more. */
const FILE_NAME = /^[A-Za-z0-9_-]{1,128}$/;
const FILE_NAME_WORDS = '1 to 128 letters, digits, _ or -';

/**
 * Rows are in the order of arrival, so a clock jump makes timestamps jump too. Holds the whole set in memory, about 30 bytes a row and channel.
 *
 * @throws SettingInvalidError when the interval is no whole number of seconds (timestamps have none finer), or as `createFleet`.
 */
export function labelledDataSet(options: LabelledDataSetOptions): LabelledDataSet {
  const { name, intervalMs, endMs, startMs, seed } = options;
  const problems: string[] = [];
  if (!FILE_NAME.test(name)) problems.push(`name must be ${FILE_NAME_WORDS}, got ${JSON.stringify(name)}`);
  if (!(intervalMs % 1_000 === 0)) problems.push(`intervalMs must be whole seconds, got ${intervalMs}`);
  if (!(startMs % 1_000 === 0)) problems.push(`startMs must be a whole second, got ${startMs}`);
  if (!(endMs > startMs)) problems.push(`endMs must be after startMs ${startMs}, got ${endMs}`);
  if (problems.length > 0) throw new SettingInvalidError(problems);

  const fleet = createFleet(options);
  for (const { id } of fleet.devices) {
    if (!FILE_NAME.test(id)) problems.push(`device ids must be ${FILE_NAME_WORDS} in a data set, got ${id}`);
  }
  if (problems.length > 0) throw new SettingInvalidError(problems);
  const samples = new Map<string, Sample[]>(fleet.devices.map(({ id }) => [id, []]));
  for (const sample of fleet.samples(endMs - 1)) samples.get(sample.reading.device)!.push(sample);

  const series: Record<string, SeriesLabels> = {};
  const files: { path: string; text: string }[] = [];
  for (const { id, kind } of fleet.devices) {
    const path = `${id}.csv`;
    const rows = samples.get(id)!;
    const channels = deviceKind(kind)!.channels.map((channel) => channel.name);
    const faults = fleet.truth.filter(({ device }) => device === id);
    files.push({ path, text: csvOf(channels, rows) });
    series[path] = seriesLabels(channels.length, intervalMs, rows, faults);
  }
  const labels: DataSetLabels = {
    dataset: name,
    split: 'dev',
    licence: 'CC0-1.0',
    source: `simulated, seed ${seed}`,
    protocol: 'vus',
    features: Math.max(...Object.values(series).map(({ features }) => features)),
    note: 'A silence is labelled at the first row after it. Labels tell the injected faults alone.',
    series,
  };
  return { files, labels };
}

function csvOf(channels: readonly string[], samples: readonly Sample[]): string {
  const lines = [['timestamp', ...channels].join(',')];
  for (const { reading } of samples) {
    lines.push([timestamp(reading.ts), ...channels.map((channel) => reading.values[channel] ?? '')].join(','));
  }
  return `${lines.join('\n')}\n`;
}

function seriesLabels(
  features: number,
  intervalMs: number,
  samples: readonly Sample[],
  faults: readonly FaultTruth[],
): SeriesLabels {
  const ranges = merged(faults.map((fault) => rowsOf(fault, samples)).filter((range) => range !== undefined));
  const labelled = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  return {
    rows: samples.length,
    features,
    periodSeconds: intervalMs / 1_000,
    ranges,
    windows: ranges.map(([first, last]) => [
      timestamp(samples[first]!.reading.ts),
      timestamp(samples[last]!.reading.ts),
    ]),
    anomalyRatio: samples.length === 0 ? 0 : Number((labelled / samples.length).toFixed(5)),
    vusWindow: VUS_WINDOW,
    faults,
  };
}

/** First and last row of a fault; undefined when the series ends before anything of it shows. */
function rowsOf(fault: FaultTruth, samples: readonly Sample[]): readonly [number, number] | undefined {
  const first = samples.findIndex(({ atMs }) => atMs >= fault.startMs);
  if (first < 0) return undefined;
  if (fault.fault === 'silence') return [first, first];
  const after = samples.findIndex(({ atMs }) => atMs >= fault.endMs);
  const last = (after < 0 ? samples.length : after) - 1;
  return last < first ? undefined : [first, last];
}

/** Ranges that overlap or touch become one. */
function merged(ranges: (readonly [number, number])[]): (readonly [number, number])[] {
  const result: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const open = result.at(-1);
    if (open !== undefined && first <= open[1] + 1) open[1] = Math.max(open[1], last);
    else result.push([first, last]);
  }
  return result;
}

function timestamp(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ');
}
