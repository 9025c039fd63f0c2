/**
 * How near the latest window of a series has been before: the k-th smallest distance to a past window of equal length.
 *
 * Input    `series`: the latest value first, finite; past windows begin at least `max(length, 2)` values before the latest, so
 *          that none shares values with it; `k` of at most `MOST_NEIGHBOURS`
 * Output   distance in the series' own unit, a mean over the window; Infinity while there are fewer than k past windows
 * Cost     `nearestMean` O(count), `nearestShape` O(count · length) at worst and far less as a rule: sums that have grown too
 *          large are given up. No allocation
 * Source   novelty as distance to the nearest past subsequence: Keogh, Lin & Fu (2005), ICDM, 226–233 (discords); the k-th
 *          neighbour: Ramaswamy, Rastogi & Shim (2000), SIGMOD, 427–438
 *
 * @example
 * const series = Float64Array.of(9, 1, 2, 1, 2); // latest first
 * nearestMean(series, 5, 1, 1); // 7: nearest is 2
 */

export const MOST_NEIGHBOURS = 8;

/** Distances found so far, smallest first. */
const nearest = new Float64Array(MOST_NEIGHBOURS);

/** Distance of the windows' means: sees a level through noise. */
export function nearestMean(series: Float64Array, count: number, length: number, k: number): number {
  nearest.fill(Infinity, 0, k);
  let latest = 0;
  for (let i = 0; i < length; i++) latest += series[i]!;
  const first = Math.max(length, 2);
  let past = 0;
  for (let i = first; i < first + length && i < count; i++) past += series[i]!;
  for (let start = first; start + length <= count; start++) {
    offer(Math.abs(past - latest), k);
    if (start + length < count) past += series[start + length]! - series[start]!;
  }
  return nearest[k - 1]! / length;
}

/** Mean distance value by value: sees a course that is new, though its mean is not. */
export function nearestShape(series: Float64Array, count: number, length: number, k: number): number {
  nearest.fill(Infinity, 0, k);
  for (let start = Math.max(length, 2); start + length <= count; start++) {
    const limit = nearest[k - 1]!;
    let distance = 0;
    for (let i = 0; i < length && distance < limit; i++) distance += Math.abs(series[i]! - series[start + i]!);
    offer(distance, k);
  }
  return nearest[k - 1]! / length;
}

/** As `nearestShape`, for two series that run side by side: sees values that are new together. */
export function nearestPair(a: Float64Array, b: Float64Array, count: number, length: number, k: number): number {
  nearest.fill(Infinity, 0, k);
  for (let start = Math.max(length, 2); start + length <= count; start++) {
    const limit = nearest[k - 1]!;
    let distance = 0;
    for (let i = 0; i < length && distance < limit; i++) {
      distance += Math.abs(a[i]! - a[start + i]!) + Math.abs(b[i]! - b[start + i]!);
    }
    offer(distance, k);
  }
  return nearest[k - 1]! / (2 * length);
}

function offer(distance: number, k: number): void {
  if (!(distance < nearest[k - 1]!)) return;
  let place = k - 1;
  while (place > 0 && nearest[place - 1]! > distance) {
    nearest[place] = nearest[place - 1]!;
    place--;
  }
  nearest[place] = distance;
}
