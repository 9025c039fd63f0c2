/**
 * A start that bad first values do not spoil: −9999 and 65535 at power-on are everyday life. A detector learns a channel's
 * first values freely, for it has no scale to doubt them by, and keeps them; once there are enough, outliers among them are
 * pulled in, and if there were any, it begins again with what is left.
 */
import { medianDeviation, medianOf } from '../statistics/running-median.js';

/** Standard deviations of a Gaussian in median absolute deviations. */
const SIGMA_PER_MEDIAN_DEVIATION = 1.4826;
/** So far out nothing ordinary lies in a few dozen values, but for those of very heavy tails. */
const BOUND = 6;
/** Fewer than one in this many may be outliers where all other values are equal. */
const FEW = 8;

const others = new Float64Array(32);

/**
 * Pulls outliers among the first values of a channel in to median ± 6 robust standard deviations.
 *
 * Input    `values[from] … values[from + count - 1]`, finite; count at most 32
 * Output   whether there were outliers; they are changed in place
 * Cost     O(count²), once in a channel's life
 * Weak on  channels that are bad for half of the time at their start
 * Source   Hampel (1974), J. Amer. Statist. Assoc. 69(346), 383–393
 *
 * @example
 * const first = Float64Array.of(20, -9999, 21, 19, 20.5);
 * pullIn(first, 0, 5); // true; first[1] is about 16
 */
export function pullIn(values: Float64Array, from: number, count: number): boolean {
  const median = medianOf(values, from, count);
  const bound = BOUND * SIGMA_PER_MEDIAN_DEVIATION * scaleOf(values, from, count, median);
  let isChanged = false;
  for (let i = from; i < from + count; i++) {
    const offset = values[i]! - median;
    if (Math.abs(offset) <= bound) continue;
    values[i] = median + Math.sign(offset) * bound;
    isChanged = true;
  }
  return isChanged;
}

/** The median deviation; where most values are equal, that of the others, and 0 where those are too few to have one. */
function scaleOf(values: Float64Array, from: number, count: number, median: number): number {
  const deviation = medianDeviation(values, from, count, median);
  if (deviation > 0) return deviation;
  let different = 0;
  for (let i = from; i < from + count; i++) if (values[i] !== median) others[different++] = values[i]!;
  return different * FEW < count ? 0 : medianDeviation(others, 0, different, median);
}
