/**
 * The score of the Numenta Anomaly Benchmark: early detection within a window is rewarded, each false alarm costs, and one
 * threshold, the best one, holds for all series.
 *
 * A detection in a window is worth what its earliest row is worth, by a sigmoid of the position: nearly 1 at the left edge, 0
 * one row behind the right. A detection outside costs the more the farther it is behind the window before. A missed window
 * costs `missed`. 100 is a perfect detector, 0 is one that never says anything; less is possible for a fixed threshold, not
 * for the best. The first 15 % of a series, at most 750 rows, are for learning and are not judged.
 *
 * Source: Lavin and Ahmad (2015), Evaluating real-time anomaly detection algorithms, ICMLA, 38–44.
 */
import type { RowRange } from './row-range.js';

export const NAB_PROFILES = {
  standard: { missed: 1, falseAlarm: 0.11 },
  lowFp: { missed: 1, falseAlarm: 0.22 },
  lowFn: { missed: 2, falseAlarm: 0.11 },
} as const;
export type NabProfile = keyof typeof NAB_PROFILES;

export interface NabSeries {
  /** One entry a row, higher is stranger; never NaN. */
  readonly event: Float64Array;
  readonly ranges: readonly RowRange[];
}

const PROBATION_SHARE = 0.15;
const MOST_PROBATION_ROWS = 750;
const OUTSIDE = -1;

/** Rows at the beginning of a series that are not judged. */
export function nabProbation(rows: number): number {
  return Math.min(Math.floor(PROBATION_SHARE * rows), MOST_PROBATION_ROWS);
}

/**
 * @returns a score a profile, at most 100; each at the threshold that is best for it
 * @throws RangeError when no series has a window: there is nothing to detect
 */
export function nabScore(series: readonly NabSeries[]): Record<NabProfile, number> {
  const rows = judgedRows(series);
  const score = (profile: NabProfile): number => {
    const { missed, falseAlarm } = NAB_PROFILES[profile];
    const nothing = -missed * rows.reachableWindows;
    return (100 * (bestRaw(rows, missed, falseAlarm) - nothing)) / (rows.windows - nothing);
  };
  return { standard: score('standard'), lowFp: score('lowFp'), lowFn: score('lowFn') };
}

interface JudgedRows {
  /** Of all series behind one another, without probation. */
  readonly event: Float64Array;
  /** What a detection at this row is worth, in [−1, 1]. */
  readonly worth: Float64Array;
  /** Number of the row's window over all series; `OUTSIDE` for none. */
  readonly window: Int32Array;
  readonly windows: number;
  /** Windows with a row behind the probation. As in the benchmark only they cost when missed; all are in a perfect score. */
  readonly reachableWindows: number;
}

function judgedRows(series: readonly NabSeries[]): JudgedRows {
  const total = series.reduce((sum, { event }) => sum + event.length - nabProbation(event.length), 0);
  const rows = { event: new Float64Array(total), worth: new Float64Array(total), window: new Int32Array(total) };
  let windows = 0;
  let at = 0;
  for (const { event, ranges } of series) {
    const probation = nabProbation(event.length);
    let next = 0;
    for (let row = 0; row < event.length; row++) {
      while (next < ranges.length && row > ranges[next]![1]) next++;
      if (row < probation) continue;
      const isInside = next < ranges.length && row >= ranges[next]![0];
      rows.event[at] = event[row]!;
      rows.worth[at] = isInside ? worthInside(row, ranges[next]!) : worthBehind(row, ranges[next - 1]);
      rows.window[at] = isInside ? windows + next : OUTSIDE;
      at++;
    }
    windows += ranges.length;
  }
  if (windows === 0) throw new RangeError('the NAB score needs at least one labelled window');
  const reachableWindows = new Set(rows.window.filter((window) => window !== OUTSIDE)).size;
  return { ...rows, windows, reachableWindows };
}

/** @param position 0 at the right edge of a window, −1 one window's width before it. */
function sigmoid(position: number): number {
  return position > 3 ? -1 : 2 / (1 + Math.exp(5 * position)) - 1;
}

/** A detection at the very left of a window is worth 1. */
const BEST_WORTH = sigmoid(-1);

function worthInside(row: number, [first, last]: RowRange): number {
  return sigmoid(-(last - row + 1) / (last - first + 1)) / BEST_WORTH;
}

/** @param before the window before this row, if there is one. */
function worthBehind(row: number, before: RowRange | undefined): number {
  if (before === undefined || before[0] === before[1]) return -1;
  return sigmoid((row - before[1]) / (before[1] - before[0]));
}

/** Lowers the threshold from row to row, the strangest first, and keeps the best total there was. */
function bestRaw(rows: JudgedRows, missed: number, falseAlarm: number): number {
  const { event, worth, window } = rows;
  const order = Uint32Array.from(event.keys()).sort((a, b) => event[b]! - event[a]!);
  const gained = new Float64Array(rows.windows).fill(-missed);
  let raw = -missed * rows.reachableWindows;
  let best = raw;
  for (let k = 0; k < order.length; k++) {
    const row = order[k]!;
    const into = window[row]!;
    if (into === OUTSIDE) raw += falseAlarm * worth[row]!;
    else if (worth[row]! > gained[into]!) {
      raw += worth[row]! - gained[into]!;
      gained[into] = worth[row]!;
    }
    // Rows of equal height cross a threshold together.
    const isLast = k + 1 === order.length || event[order[k + 1]!] !== event[row];
    if (isLast && raw > best) best = raw;
  }
  return best;
}
