/** A high quantile of a stream in one number. */

/** Share of the values that lie below the level. */
const SHARE = 0.98;
/** Step of the first hundreds of values, in units of the logarithm. */
const FIRST_STEP = 0.05;
/** Values after which steps become smaller, with the square root of their count. */
const FULL_STEPS = 400;
/** Steps never become smaller than this share of the first: what is ordinary may change for ever. */
const LEAST_SHARE = 0.02;

/**
 * Moves the level that 98 % of the values stay below: much up for a value above it, a little down for one below. Steps are
 * factors, so that no scale need be known.
 *
 * Input    `ratio`: the value over the level; `count`: values seen, >= 1; `weight` in [0, 1]: how much this one teaches
 * Output   the factor for the level, > 0
 * Source   Robbins & Monro (1951), Annals of Mathematical Statistics 22(3), 400–407
 *
 * @example
 * let level = 1;
 * for (const value of values) level *= levelFactor(value / level, ++count, 1);
 */
export function levelFactor(ratio: number, count: number, weight: number): number {
  const step = FIRST_STEP * weight * Math.min(1, Math.max(Math.sqrt(FULL_STEPS / count), LEAST_SHARE));
  return Math.exp(ratio > 1 ? step * SHARE : step * (SHARE - 1));
}
