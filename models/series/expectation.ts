/** What each point of a series was expected to be: trend and pattern, by medians, so that outliers move neither. */
import { resistantLine } from './resistant-line.js';
import { medianOfAll, slidingMedian } from './sliding-median.js';

export interface Expectation {
  /** One a point, in the unit of the values. */
  readonly expected: Float64Array;
  /** What comes again, from the first point on; one zero where there is no pattern. */
  readonly pattern: Float64Array;
  /** Standard deviation of what is left, from its median size and from four of five points. */
  readonly spread: number;
}

/** Shortest window of the trend, in points. */
const LEAST_TREND = 7;
const ROUNDS = 2;
/** Spread is at least this share of the usual size of the values: a series that hardly moves. */
const RELATIVE_FLOOR = 1e-3;
const ABSOLUTE_FLOOR = 1e-9;
/** Of heavy tails the median tells too little: the size below which four of five lie, and how many spreads that is in a normal tail. */
const TAIL = 0.8;
const SPREADS_OF_TAIL = 1.2816;

/**
 * Input    finite values, a step apart, at least one; `period` >= 2, or 0: no pattern
 * Output   see `Expectation`
 * Cost     O(n · width of the trend), width max(7, 1.5 periods)
 * Source   after STL, with medians in the place of loess: Cleveland et al. (1990), J. Official Statistics 6, 3–73
 */
export function expectationOf(values: Float64Array, period: number): Expectation {
  const width = oddAtLeast(Math.max(LEAST_TREND, 1.5 * period));
  // A median over a part of the pattern, as at the ends, is no trend: at first the trend is a line.
  let trend = period < 2 ? slidingMedian(values, width) : resistantLine(values);
  let pattern = new Float64Array(Math.max(1, period));
  for (let round = 0; round < ROUNDS && period >= 2; round++) {
    pattern = patternOf(values, trend, period);
    trend = slidingMedian(without(values, pattern), width);
  }
  const expected = trend.map((level, i) => level + pattern[i % pattern.length]!);
  const sizes = period < 2 ? apart(values, expected) : apartFromOthers(without(values, trend), period);
  const usual = medianOfAll(values.map(Math.abs));
  const ordered = sizes.sort();
  const ofTail = ordered[Math.floor(TAIL * (ordered.length - 1))]! / SPREADS_OF_TAIL;
  const spread = Math.max(1.4826 * medianOfAll(sizes), ofTail, RELATIVE_FLOOR * usual, ABSOLUTE_FLOOR);
  return { expected, pattern, spread };
}

/** What the point after the last is expected to be: the level of the latest ones, and its place in the pattern. */
export function expectationOfNext(values: Float64Array, period: number): { expected: number; spread: number } {
  const { pattern, spread } = expectationOf(values, period);
  const level = medianOfAll(without(values, pattern).subarray(-LEAST_TREND));
  return { expected: level + pattern[values.length % pattern.length]!, spread };
}

/** Median of what lies over the trend, at each place of the pattern; over a whole period they add up to nothing. */
function patternOf(values: Float64Array, trend: Float64Array, period: number): Float64Array<ArrayBuffer> {
  const places: number[][] = Array.from({ length: period }, () => []);
  values.forEach((value, i) => places[i % period]!.push(value - trend[i]!));
  const medians = Float64Array.from(places, (found) => (found.length === 0 ? 0 : medianOfAll(found)));
  const mean = medians.reduce((sum, value) => sum + value, 0) / period;
  return medians.map((value) => value - mean);
}

function apart(values: Float64Array, expected: Float64Array): Float64Array {
  return values.map((value, i) => Math.abs(value - expected[i]!));
}

/**
 * How far each point is from the others at its place of the pattern. From a median of a few that it is one of itself it is never
 * far: the spread would be too small.
 */
function apartFromOthers(detrended: Float64Array, period: number): Float64Array {
  const sizes = new Float64Array(detrended.length);
  for (let place = 0; place < period; place++) {
    const found: number[] = [];
    for (let i = place; i < detrended.length; i += period) found.push(detrended[i]!);
    found.forEach((value, k) => {
      const others = found.length === 1 ? found : found.filter((_, j) => j !== k);
      sizes[place + k * period] = Math.abs(value - medianOfAll(others));
    });
  }
  return sizes;
}

function without(values: Float64Array, pattern: Float64Array): Float64Array {
  return values.map((value, i) => value - pattern[i % pattern.length]!);
}

function oddAtLeast(width: number): number {
  const whole = Math.ceil(width);
  return whole % 2 === 1 ? whole : whole + 1;
}
