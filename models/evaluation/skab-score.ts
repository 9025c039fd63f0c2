/**
 * The outlier figures of the Skoltech Anomaly Benchmark, by rows of the alert column, without any adjustment.
 *
 *     F1    true alarms / (true alarms + half of all wrong rows)
 *     FAR   false alarms / normal rows, in %
 *     MAR   missed rows / rows of anomalies, in %
 *
 * An alarm that is always on has an F1 of 2p/(1 + p) where p is the share of anomalies; FAR keeps it honest.
 *
 * Source: Katser and Kozitsin (2020), Skoltech Anomaly Benchmark, doi:10.34740/KAGGLE/DSV/1693952.
 */
import { rowsWithin, type RowRange } from './row-range.js';

export interface SkabSeries {
  /** 1 while the alarm is on. */
  readonly alert: Uint8Array;
  readonly ranges: readonly RowRange[];
}

export interface SkabScore {
  /** In [0, 1]. */
  readonly f1: number;
  /** In %; NaN without normal rows. */
  readonly far: number;
  /** In %; NaN without anomalies. */
  readonly mar: number;
}

export function skabScore(series: readonly SkabSeries[]): SkabScore {
  let [right, wrong, missed, quiet] = [0, 0, 0, 0];
  for (const { alert, ranges } of series) {
    const inside = rowsWithin(ranges, alert.length);
    for (let row = 0; row < alert.length; row++) {
      const isOn = alert[row] === 1;
      if (inside[row] === 1) {
        if (isOn) right++;
        else missed++;
      } else if (isOn) wrong++;
      else quiet++;
    }
  }
  return {
    f1: right / (right + (missed + wrong) / 2),
    far: (100 * wrong) / (wrong + quiet),
    mar: (100 * missed) / (missed + right),
  };
}
