/**
 * Share of the rows of each fault over the threshold that 1 % of all normal rows pass: the figure by which detectors on the
 * Tennessee Eastman process are compared. It is usual to leave faults 3, 9 and 15 out of the mean: they can hardly be told from
 * normal operation, so what a detector reaches there is its false alarms.
 *
 * Source: Chiang, Russell and Braatz (2001), Fault detection and diagnosis in industrial systems, ch. 8; Yin et al. (2012),
 * Journal of Process Control 22(9), 1567–1581.
 */
import { rowsWithin, type RowRange } from './row-range.js';

export interface FaultSeries {
  /** One entry a row, higher is stranger; never NaN. */
  readonly score: Float64Array;
  /** The fault is the first range; none: a series of normal operation. */
  readonly ranges: readonly RowRange[];
  readonly fault: number | undefined;
}

const FALSE_ALARM_SHARE = 0.01;
const HARDLY_A_FAULT: readonly number[] = [3, 9, 15];

/** @returns in [0, 1], the mean over the faults; NaN without faults or normal rows. */
export function faultDetectionRate(series: readonly FaultSeries[]): number {
  const threshold = normalThreshold(series);
  let sum = 0;
  let faults = 0;
  for (const { score, ranges, fault } of series) {
    const range = ranges[0];
    if (range === undefined || fault === undefined || HARDLY_A_FAULT.includes(fault)) continue;
    let over = 0;
    for (let row = range[0]; row <= range[1]; row++) if (score[row]! > threshold) over++;
    sum += over / (range[1] - range[0] + 1);
    faults++;
  }
  return sum / faults;
}

function normalThreshold(series: readonly FaultSeries[]): number {
  const normal: number[] = [];
  for (const { score, ranges } of series) {
    const inside = rowsWithin(ranges, score.length);
    for (let row = 0; row < score.length; row++) if (inside[row] === 0) normal.push(score[row]!);
  }
  normal.sort((a, b) => a - b);
  return normal[Math.floor((1 - FALSE_ALARM_SHARE) * normal.length)] ?? NaN;
}
