import { medianOfAll } from './sliding-median.js';

/**
 * A straight line through a series that outliers do not move: through the medians of its first and its last third.
 *
 * Input    finite values, at least one
 * Output   the line at each point, same unit
 * Cost     O(n log n)
 * Source   Tukey (1977), Exploratory Data Analysis, ch. 5
 */
export function resistantLine(values: Float64Array): Float64Array<ArrayBuffer> {
  const n = values.length;
  const third = Math.floor(n / 3);
  if (third === 0) return new Float64Array(n).fill(medianOfAll(values));
  const left = medianOfAll(values.subarray(0, third));
  const right = medianOfAll(values.subarray(n - third));
  const slope = (right - left) / (n - third);
  const level = medianOfAll(values.map((value, i) => value - slope * i));
  return new Float64Array(n).map((_, i) => level + slope * i);
}
