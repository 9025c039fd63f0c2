/** How large a quadratic form of Gaussian numbers ordinarily gets. */

/** Standard normal quantile of 98 %. */
const NORMAL_98 = 2.0537;

/**
 * The level that Σ μᵢ·xᵢ² stays below in 98 % of all cases, for independent standard normal xᵢ: the chi-square with equal
 * mean and variance.
 *
 * Input    `sum` = Σ μᵢ > 0, `sumOfSquares` = Σ μᵢ² > 0; in matrix words trace(M) and trace(M²)
 * Output   > 0; within a few percent for 98 %
 * Source   Box (1954), Annals of Mathematical Statistics 25(2), 290–302, theorem 3.1; the chi-square's quantile after Wilson &
 *          Hilferty (1931), PNAS 17(12), 684–688
 *
 * @example
 * quadraticFormLevel(1, 1); // 5.41, the 98 % level of one squared standard normal number, here 5.36
 */
export function quadraticFormLevel(sum: number, sumOfSquares: number): number {
  const scale = sumOfSquares / sum;
  const freedom = (sum * sum) / sumOfSquares;
  const spread = 2 / (9 * freedom);
  return scale * freedom * (1 - spread + NORMAL_98 * Math.sqrt(spread)) ** 3;
}
