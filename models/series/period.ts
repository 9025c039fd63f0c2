/** How many points a pattern takes until it comes again, by autocorrelation. */
import { resistantLine } from './resistant-line.js';
import { medianOfAll } from './sliding-median.js';

/** The pattern must be seen so many times. */
const LEAST_TIMES = 3;
const SHORTEST = 2;
/** Autocorrelation at which a pattern is believed. Of noise it is below 2 / √n. */
const LEAST_CORRELATION = 0.3;
/** Of two lags that are about as good, the shorter is the period, and the longer one a multiple of it. */
const AS_GOOD = 0.9;
/** Beyond so many spreads a point counts no more: one outlier must not hide the pattern, or be taken for one. */
const CLIP = 1;
/** Longest period looked for: costs are n times this. */
const LONGEST = 2_000;

/**
 * Input    finite values, a step apart
 * Output   points of one period, 2 to n / 3; 0 where there is none
 * Cost     O(n · min(n / 3, 2,000))
 * Source   Box, Jenkins, Reinsel (2008), Time Series Analysis, ch. 2
 */
export function findPeriod(values: Float64Array): number {
  const n = values.length;
  const longest = Math.min(LONGEST, Math.floor(n / LEAST_TIMES));
  if (longest < SHORTEST) return 0;
  const trend = resistantLine(values);
  const rest = clipped(values.map((value, i) => value - trend[i]!));
  const correlations = new Float64Array(longest + 2);
  const power = dot(rest, 0, n);
  if (!(power > 0)) return 0;
  for (let lag = 1; lag < correlations.length; lag++) {
    correlations[lag] = (dot(rest, lag, n - lag) / power) * (n / (n - lag));
  }
  let best = 0;
  for (let lag = SHORTEST; lag <= longest; lag++)
    if (isPeak(correlations, lag)) best = Math.max(best, correlations[lag]!);
  const least = Math.max(LEAST_CORRELATION, 2 / Math.sqrt(n));
  if (best < least) return 0;
  for (let lag = SHORTEST; lag <= longest; lag++) {
    if (isPeak(correlations, lag) && correlations[lag]! >= AS_GOOD * best) return lag;
  }
  return 0;
}

function isPeak(correlations: Float64Array, lag: number): boolean {
  const here = correlations[lag]!;
  return here > correlations[lag - 1]! && here >= correlations[lag + 1]!;
}

function clipped(values: Float64Array): Float64Array {
  const center = medianOfAll(values);
  const spread = 1.4826 * medianOfAll(values.map((value) => Math.abs(value - center)));
  const limit = spread > 0 ? CLIP * spread : Infinity;
  return values.map((value) => Math.max(-limit, Math.min(limit, value - center)));
}

function dot(values: Float64Array, lag: number, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[i]! * values[i + lag]!;
  return sum;
}
