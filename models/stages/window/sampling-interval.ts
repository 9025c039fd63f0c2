/** How often a device measures, learned from the times of its frames. */
import { medianDeviation, medianOf } from '../../statistics/running-median.js';
import type { WindowProfile } from '../../profiles/window-profile.js';
import { INTERVALS, Slot } from './device-state.js';

/** Fewer intervals say nothing. */
const MIN_INTERVALS = 3;

/** With a full ring the median is taken anew after this many intervals: a change of rate shows after 8 to 12 steps. */
const RELEARN_EVERY = 5;

/**
 * Irregular: median absolute deviation of the intervals over this share of their median. Random arrivals (Poisson) lie near
 * 0.7; a jitter of ±30 % of the step near 0.18, and lost readings hardly move it.
 */
const MAX_SPREAD = 0.3;

/** Takes an interval (ms, > 0) into account. */
export function learnInterval(data: Float64Array, intervalMs: number): void {
  const count = data[Slot.intervalCount]! + 1;
  data[Slot.intervals + ((count - 1) % INTERVALS)] = intervalMs;
  data[Slot.intervalCount] = count;
  if (count < MIN_INTERVALS || (count > INTERVALS && count % RELEARN_EVERY !== 0)) return;
  const known = Math.min(count, INTERVALS);
  const median = medianOf(data, Slot.intervals, known);
  const isRegular = medianDeviation(data, Slot.intervals, known, median) <= MAX_SPREAD * median;
  data[Slot.step] = isRegular ? median : 0;
  data[Slot.pace] = isRegular ? median : longest(data, known);
}

/** The sampling interval in force, in ms; 0 while unknown or irregular. */
export function effectiveStep(data: Float64Array, window: WindowProfile): number {
  return window.stepMs > 0 ? window.stepMs : data[Slot.step]!;
}

/** The interval that silence counts in, in ms; 0 while unknown. */
export function effectivePace(data: Float64Array, window: WindowProfile): number {
  return window.stepMs > 0 ? window.stepMs : data[Slot.pace]!;
}

function longest(data: Float64Array, known: number): number {
  let max = 0;
  for (let i = Slot.intervals; i < Slot.intervals + known; i++) max = Math.max(max, data[i]!);
  return max;
}
