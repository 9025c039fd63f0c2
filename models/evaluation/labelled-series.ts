import { rangesFrom, type RowRange } from './row-range.js';

/** One series, scored, with what is known about it. Columns have one entry a row. */
export interface LabelledSeries {
  /** Path within its data set, for example `realKnownCause/nyc_taxi`. */
  readonly name: string;
  /** In [0, 1], high while a fault lasts. */
  readonly score: Float64Array;
  /** In [0, 1], how strongly an episode begins. */
  readonly event: Float64Array;
  /** 1 while an alert is open. */
  readonly alert: Uint8Array;
  /** Its anomalies. */
  readonly ranges: readonly RowRange[];
  /** Rows before this one are warm-up and are not judged. */
  readonly scoreFrom: number;
  /** Widest tolerance at the edges of a range, in rows, for the volume under the surface. */
  readonly vusWindow: number;
  /** Number of the fault that is shown, where the data set numbers them. */
  readonly fault: number | undefined;
}

/** The same series as if it began `from` rows later. The columns are views. */
export function withoutFirst(series: LabelledSeries, from: number): LabelledSeries {
  if (from === 0) return series;
  return {
    ...series,
    score: series.score.subarray(from),
    event: series.event.subarray(from),
    alert: series.alert.subarray(from),
    ranges: rangesFrom(series.ranges, from),
    scoreFrom: Math.max(0, series.scoreFrom - from),
  };
}
