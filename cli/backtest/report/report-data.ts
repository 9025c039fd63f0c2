/** What the report page shows, as plain data: results, labels, figures and pictures of every series. */
import type { LinePoints } from '../../../models/backtest/thinned-line.js';
import type { SeriesPicture } from '../../../models/backtest/series-picture.js';
import type { Figure, SeriesFigures } from '../../../models/evaluation/data-set-figures.js';
import type { RowRange } from '../../../models/evaluation/row-range.js';
import { parseSourceTime } from '../../../models/formats/source-time.js';
import type { DataSetJudgement, JudgedSeries } from '../judgement.js';

/** Base64 of little-endian numbers: times as float64 Unix seconds, values as float32, NaN for none. */
export interface PackedLine {
  readonly t: string;
  readonly v: string;
  /** Companions: expected, lower, upper of a channel; the threshold of a score. */
  readonly c: readonly string[];
}

/** Unix seconds, both inclusive. */
export type Span = readonly [from: number, to: number];

export interface ReportSeries {
  readonly dataset: string;
  readonly name: string;
  readonly rows: number;
  readonly alerts: readonly Span[];
  readonly labels: readonly Span[];
  /** Undefined where nothing is labelled in the data set. */
  readonly figures: SeriesFigures | undefined;
  readonly channels: readonly { readonly name: string; readonly line: PackedLine }[];
  readonly channelCount: number;
  readonly score: PackedLine;
  /** Largest score, in thresholds. */
  readonly peak: number;
  /** Unix seconds; null when there is none. */
  readonly peakAt: number | null;
}

export interface ReportDataSet {
  readonly name: string;
  readonly isLabelled: boolean;
  readonly series: number;
  readonly rows: number;
  readonly alerts: number;
  readonly figures: readonly Figure[];
}

export interface ReportData {
  /** Its name, for people. */
  readonly profile: string;
  readonly datasets: readonly ReportDataSet[];
  /** The most interesting first; see `byInterest`. */
  readonly series: readonly ReportSeries[];
}

/** What a report keeps of one data set. */
export interface ReportPart {
  readonly dataset: ReportDataSet;
  readonly series: readonly ReportSeries[];
}

/** @param pictureOf the picture of each series. */
export function reportPart(
  judgement: DataSetJudgement,
  judged: readonly JudgedSeries[],
  pictureOf: (series: JudgedSeries) => SeriesPicture,
): ReportPart {
  const series = judged.map((one) => reportSeries(judgement, one, pictureOf(one)));
  const dataset = {
    name: judgement.dataset,
    isLabelled: judgement.isLabelled,
    series: series.length,
    rows: series.reduce((sum, { rows }) => sum + rows, 0),
    alerts: series.reduce((sum, { alerts }) => sum + alerts.length, 0),
    figures: judgement.figures,
  };
  return { dataset, series };
}

export function reportData(profile: string, parts: readonly ReportPart[]): ReportData {
  return {
    profile,
    datasets: parts.map(({ dataset }) => dataset),
    series: parts.flatMap(({ series }) => series).sort(byInterest),
  };
}

function reportSeries(judgement: DataSetJudgement, series: JudgedSeries, picture: SeriesPicture): ReportSeries {
  const { ranges, alert, name } = series;
  const seconds = secondsOf(series.times);
  return {
    dataset: judgement.dataset,
    name,
    rows: alert.length,
    alerts: spans(runsOf(alert), seconds),
    labels: spans(ranges, seconds),
    figures: judgement.isLabelled ? judgement.series.find((one) => one.name === name) : undefined,
    channels: picture.channels.map((channel) => ({ name: channel.name, line: packed(channel.line) })),
    channelCount: picture.channelCount,
    score: packed(picture.score),
    peak: picture.peak,
    peakAt: Number.isNaN(picture.peakMs) ? null : picture.peakMs / 1_000,
  };
}

/** First what went wrong: anomalies missed and false alarms. Then the most alerts, then the highest score. */
function byInterest(a: ReportSeries, b: ReportSeries): number {
  return mistakes(b) - mistakes(a) || b.alerts.length - a.alerts.length || b.peak - a.peak;
}

function mistakes({ figures }: ReportSeries): number {
  return figures === undefined ? 0 : figures.windows - figures.found + figures.falseAlarms;
}

/** Of each row; that of the row before where a row has none. */
function secondsOf(times: readonly string[]): Float64Array {
  let last = 0;
  return Float64Array.from(times, (time) => {
    const ms = parseSourceTime(time);
    if (typeof ms === 'number') last = ms / 1_000;
    return last;
  });
}

function runsOf(column: Uint8Array): RowRange[] {
  const runs: [number, number][] = [];
  column.forEach((value, row) => {
    if (value !== 1) return;
    const open = runs.at(-1);
    if (open?.[1] === row - 1) open[1] = row;
    else runs.push([row, row]);
  });
  return runs;
}

const spans = (ranges: readonly RowRange[], seconds: Float64Array): Span[] =>
  ranges.map(([first, last]) => [seconds[first]!, seconds[last]!]);

function packed({ timeMs, value, companions }: LinePoints): PackedLine {
  return {
    t: base64(timeMs.map((ms) => ms / 1_000)),
    v: base64(value),
    c: companions.map(base64),
  };
}

const base64 = ({ buffer, byteOffset, byteLength }: Float64Array | Float32Array): string =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString('base64');
