/**
 * Median of a sliding window, centred; at the ends the window is cut.
 *
 * Input    finite values; `width` odd, >= 1
 * Output   one median a value, same unit
 * Cost     O(n · width) moves at worst, in a sorted window
 * Source   Tukey (1977), Exploratory Data Analysis, ch. 7
 *
 * @example
 * slidingMedian(Float64Array.of(1, 9, 2, 3), 3); // [5, 2, 3, 2.5]
 */
export function slidingMedian(values: Float64Array, width: number): Float64Array<ArrayBuffer> {
  const n = values.length;
  const half = (width - 1) / 2;
  const window: number[] = [];
  const out = new Float64Array(n);
  for (let i = 0; i < Math.min(half, n); i++) insert(window, values[i]!);
  for (let i = 0; i < n; i++) {
    if (i + half < n) insert(window, values[i + half]!);
    if (i - half - 1 >= 0) window.splice(place(window, values[i - half - 1]!), 1);
    out[i] = middleOf(window);
  }
  return out;
}

/** Median of any number of values; NaN for none. Does not change them. */
export function medianOfAll(values: Iterable<number>): number {
  return middleOf(Float64Array.from(values).sort());
}

function middleOf(sorted: ArrayLike<number>): number {
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

function insert(sorted: number[], value: number): void {
  sorted.splice(place(sorted, value), 0, value);
}

/** Where the first value stands that is not below `value`. */
function place(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
