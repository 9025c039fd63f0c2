/** Anomalies of a whole series, in the terms of the service that many have built on. */
import { RequestInvalidError } from '../errors.js';
import { expectationOf, expectationOfNext } from './expectation.js';
import { findPeriod } from './period.js';
import { regularGrid, type Granularity, type ImputeMode } from './regular-grid.js';

export interface SeriesToDetect {
  /** Unix ms; undefined where the points have no times. */
  readonly timesMs?: readonly number[] | undefined;
  readonly values: readonly number[];
  readonly granularity: Granularity;
  /** Steps of the granularity between two points. */
  readonly interval: number;
  readonly imputeMode: ImputeMode;
  readonly imputeFixedValue: number;
  /** Points of one period; 0: to be found. */
  readonly period: number;
  /** In (0, 0.5): most points that may be anomalies; the strongest are. */
  readonly maxAnomalyRatio: number;
  /** 0 to 99: a point is strange beyond (100 - sensitivity) margins. */
  readonly sensitivity: number;
}

/** As the service had them. */
export const MIN_DETECT_POINTS = 12;
export const MAX_DETECT_POINTS = 8_640;

export interface PointVerdict {
  readonly expectedValue: number;
  /** One margin above and below: the usual spread. */
  readonly upperMargin: number;
  readonly lowerMargin: number;
  readonly isAnomaly: boolean;
  readonly isPositiveAnomaly: boolean;
  readonly isNegativeAnomaly: boolean;
  /** 0: none, towards 1: far beyond. */
  readonly severity: number;
}

export interface SeriesVerdict {
  /** 0: no pattern. */
  readonly period: number;
  readonly points: readonly PointVerdict[];
}

/** Sums of their squares are still numbers. */
const LARGEST = 1e150;

/** Each point is judged by all others, those after it too. @throws RequestInvalidError for values beyond 1e150, and from `regularGrid` */
export function detectEntire(series: SeriesToDetect): SeriesVerdict {
  const grid = gridOf(series);
  const period = series.period > 0 ? series.period : findPeriod(grid.values);
  const { expected, spread } = expectationOf(grid.values, period);
  const strengths = series.values.map((value, i) => Math.abs(value - expected[grid.stepOf[i]!]!) / spread);
  const least = leastStrength(strengths, 100 - series.sensitivity, series.maxAnomalyRatio);
  const points = series.values.map((value, i) => verdictOf(value, expected[grid.stepOf[i]!]!, spread, least, series));
  return { period, points };
}

/** The last point is judged by those before it. @throws RequestInvalidError for values beyond 1e150, and from `regularGrid` */
export function detectLast(series: SeriesToDetect): SeriesVerdict {
  const grid = gridOf(series);
  const history = grid.values.subarray(0, grid.values.length - 1);
  const period = series.period > 0 ? series.period : findPeriod(history);
  const { expected, spread } = expectationOfNext(history, period);
  const last = series.values[series.values.length - 1]!;
  return { period, points: [verdictOf(last, expected, spread, 100 - series.sensitivity, series)] };
}

function gridOf({ timesMs, values, granularity, interval, imputeMode, imputeFixedValue }: SeriesToDetect) {
  const wild = values.findIndex((value) => Math.abs(value) > LARGEST);
  if (wild !== -1) {
    throw new RequestInvalidError(`the value of point ${wild} must be at most ${LARGEST} in size, got ${values[wild]}`);
  }
  return regularGrid(timesMs, values, granularity, interval, imputeMode, imputeFixedValue);
}

/** Of more than are allowed, only the strongest: the strength that the last of them has. */
function leastStrength(strengths: readonly number[], limit: number, ratio: number): number {
  const most = Math.floor(ratio * strengths.length);
  const beyond = strengths.filter((strength) => strength > limit).sort((a, b) => b - a);
  return beyond.length <= most ? limit : Math.max(limit, beyond[most] ?? limit);
}

function verdictOf(
  value: number,
  expected: number,
  spread: number,
  least: number,
  { sensitivity }: SeriesToDetect,
): PointVerdict {
  const strength = Math.abs(value - expected) / spread;
  const isAnomaly = strength > least;
  const limit = Math.max(1, 100 - sensitivity);
  return {
    expectedValue: expected,
    upperMargin: spread,
    lowerMargin: spread,
    isAnomaly,
    isPositiveAnomaly: isAnomaly && value > expected,
    isNegativeAnomaly: isAnomaly && value < expected,
    severity: isAnomaly ? 1 - limit / (limit + strength) : 0,
  };
}
