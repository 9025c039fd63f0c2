/**
 * What an alarm that is on or off has found, and how often it was wrong, counted as a person on call would: in episodes, not in
 * rows.
 *
 * Rows that are on belong to one episode when at most 10 rows lie between them. An episode that touches no labelled range is a
 * false alarm. So that nobody gains by an alarm that never ends, every full 100 rows that an episode stays on outside the
 * ranges, in one run, are one more. A range is found when any of its rows is on.
 *
 * Source: our own convention. Episodes as in Tatbul et al. (2018), Precision and recall for time series, NeurIPS, without its
 * weights; the charge for staying on is what makes an alarm that is always on as bad as 100 false alarms in 10,000 rows.
 */
import type { RowRange } from './row-range.js';

export const EPISODE_GAP_ROWS = 10;
export const STAYS_ON_ROWS = 100;

export interface AlertCounts {
  /** Labelled ranges. */
  windows: number;
  /** Ranges with a row that is on. */
  found: number;
  /** Episodes, right and wrong. */
  episodes: number;
  falseAlarms: number;
  /** Rows outside the ranges. */
  normalRows: number;
}

export function noAlerts(): AlertCounts {
  return { windows: 0, found: 0, episodes: 0, falseAlarms: 0, normalRows: 0 };
}

/**
 * Adds one series to the counts.
 *
 * @param column a row is on where this is at or over `threshold`; for a column of 0 and 1 that is 1
 */
export function countAlerts(
  counts: AlertCounts,
  column: Float64Array | Uint8Array,
  threshold: number,
  ranges: readonly RowRange[],
): void {
  let next = 0;
  let found = -1;
  let first = -1;
  let last = -1;
  for (let row = 0; row < column.length; row++) {
    if (!(column[row]! >= threshold)) continue;
    while (next < ranges.length && row > ranges[next]![1]) next++;
    if (next < ranges.length && row >= ranges[next]![0] && found !== next) {
      found = next;
      counts.found++;
    }
    if (first < 0 || row - last > EPISODE_GAP_ROWS) {
      if (first >= 0) countEpisode(counts, first, last, ranges);
      first = row;
    }
    last = row;
  }
  if (first >= 0) countEpisode(counts, first, last, ranges);
  counts.windows += ranges.length;
  counts.normalRows += column.length;
  for (const [from, to] of ranges) counts.normalRows -= to - from + 1;
}

/** False alarms in 10,000 rows outside the ranges. */
export function falseAlarmsPer10k({ falseAlarms, normalRows }: AlertCounts): number {
  return normalRows === 0 ? 0 : (10_000 * falseAlarms) / normalRows;
}

function countEpisode(counts: AlertCounts, first: number, last: number, ranges: readonly RowRange[]): void {
  counts.episodes++;
  let from = first;
  let isFalse = true;
  for (const [rangeFirst, rangeLast] of ranges) {
    if (rangeLast < first) continue;
    if (rangeFirst > last) break;
    isFalse = false;
    counts.falseAlarms += Math.floor(Math.max(0, rangeFirst - from) / STAYS_ON_ROWS);
    from = rangeLast + 1;
  }
  counts.falseAlarms += Math.floor(Math.max(0, last - from + 1) / STAYS_ON_ROWS) + (isFalse ? 1 : 0);
}
