/** How many voices are heard besides the loudest. */
const FEW = 3;

/**
 * Half the largest value and half the mean of the three largest: one loud voice is heard, three that agree are louder.
 * Correlated detectors do not add up, as they would in a product of probabilities.
 *
 * @param count values to look at, from `at` on; all >= 0
 */
export function strongestFew(values: Float64Array, at: number, count: number): number {
  let first = 0;
  let second = 0;
  let third = 0;
  for (let i = at; i < at + count; i++) {
    const value = values[i]!;
    if (value > first) {
      third = second;
      second = first;
      first = value;
    } else if (value > second) {
      third = second;
      second = value;
    } else if (value > third) third = value;
  }
  return 0.5 * first + (0.5 * (first + second + third)) / Math.min(FEW, count);
}
