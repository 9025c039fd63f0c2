/** Median and spread of the last few values, for windows so short that sorting beats any clever structure. */

/** Longest window, in values. */
export const MAX_MEDIAN_WINDOW = 63;

const sorted = new Float64Array(MAX_MEDIAN_WINDOW);

/**
 * Median of `count` numbers; of an even count the mean of the two in the middle.
 *
 * Input    `data[from] … data[from + count - 1]`, finite, any order; not changed
 * Output   same unit; NaN when `count` is 0
 * Cost     O(count²) comparisons at worst, O(count) when the values hardly differ in order; no allocation
 * Fails    RangeError when `count` is not 0 to `MAX_MEDIAN_WINDOW`
 *
 * @example
 * medianOf(Float64Array.of(3, 1, 2), 0, 3); // 2
 */
export function medianOf(data: Float64Array, from: number, count: number): number {
  if (!(count >= 0 && count <= MAX_MEDIAN_WINDOW)) {
    throw new RangeError(`count must be 0 to ${MAX_MEDIAN_WINDOW}, got ${count}`);
  }
  for (let i = 0; i < count; i++) insertSorted(data[from + i]!, i);
  return middle(count);
}

/**
 * Median absolute deviation from `center`, not scaled to a standard deviation.
 *
 * Input    as `medianOf`; `center` in the same unit, usually the median
 * Output   >= 0, same unit; NaN when `count` is 0. Half of the values may be wild without moving it
 * Cost     as `medianOf`
 * Fails    RangeError when `count` is not 0 to `MAX_MEDIAN_WINDOW`
 * Source   Hampel (1974), J. Amer. Statist. Assoc. 69(346), 383–393
 *
 * @example
 * medianDeviation(Float64Array.of(10, 11, 100), 0, 3, 11); // 1
 */
export function medianDeviation(data: Float64Array, from: number, count: number, center: number): number {
  if (!(count >= 0 && count <= MAX_MEDIAN_WINDOW)) {
    throw new RangeError(`count must be 0 to ${MAX_MEDIAN_WINDOW}, got ${count}`);
  }
  for (let i = 0; i < count; i++) insertSorted(Math.abs(data[from + i]! - center), i);
  return middle(count);
}

/** Insertion into the first `length` entries of `sorted`, which ascend. */
function insertSorted(value: number, length: number): void {
  let i = length;
  while (i > 0 && sorted[i - 1]! > value) {
    sorted[i] = sorted[i - 1]!;
    i--;
  }
  sorted[i] = value;
}

function middle(count: number): number {
  if (count === 0) return NaN;
  const half = count >> 1;
  return count % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
