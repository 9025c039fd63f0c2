import assert from 'node:assert/strict';
import { detectEntire, detectLast, type SeriesToDetect } from '../../../../models/series/detect-series.js';
import { findPeriod } from '../../../../models/series/period.js';
import { regularGrid } from '../../../../models/series/regular-grid.js';
import { slidingMedian } from '../../../../models/series/sliding-median.js';
import { SeededRandom } from '../../../../models/simulator/random.js';
import { DOCUMENTED } from './documented-series.js';

const ask = (values: readonly number[], change: Partial<SeriesToDetect> = {}): SeriesToDetect => ({
  timesMs: values.map((_, month) => Date.UTC(1972, month, 1)),
  values,
  granularity: 'monthly',
  interval: 1,
  imputeMode: 'auto',
  imputeFixedValue: 0,
  period: 0,
  maxAnomalyRatio: 0.25,
  sensitivity: 95,
  ...change,
});
const anomalies = (series: SeriesToDetect) =>
  detectEntire(series).points.flatMap(({ isAnomaly }, i) => (isAnomaly ? [i] : []));

describe('a whole series', () => {
  it('of the documented example has a year as its period, and one point that is too high', () => {
    const { period, points } = detectEntire(ask(DOCUMENTED));
    assert.equal(period, 12);
    assert.deepEqual(anomalies(ask(DOCUMENTED)), [25]);
    assert.ok(points[25]!.isPositiveAnomaly && !points[25]!.isNegativeAnomaly && points[25]!.severity > 0.5);
    // Documented: 798.04.
    assert.ok(Math.abs(points[25]!.expectedValue - 798) < 25, String(points[25]!.expectedValue));
  });

  it('of values beyond all measure is refused', () => {
    const values = [...DOCUMENTED.slice(0, 20), 1e308];
    for (const detect of [detectEntire, detectLast]) {
      assert.throws(() => detect(ask(values)), /the value of point 20 must be at most 1e\+150 in size, got 1e\+308/);
    }
  });

  it('calls a point strange that is beyond so many margins as the sensitivity leaves', () => {
    for (const { expectedValue, upperMargin, lowerMargin, isAnomaly } of detectEntire(ask(DOCUMENTED)).points) {
      const value =
        DOCUMENTED[detectEntire(ask(DOCUMENTED)).points.findIndex((p) => p.expectedValue === expectedValue)]!;
      const isOutside = value > expectedValue + 5 * upperMargin || value < expectedValue - 5 * lowerMargin;
      assert.equal(isAnomaly, isOutside);
    }
  });

  it('names the strongest where more are strange than are allowed', () => {
    const wild = new Map([3, 11, 16, 30, 45].map((i) => [i, 400 + 10 * i]));
    const values = DOCUMENTED.map((value, i) => value + (wild.get(i) ?? 0));
    assert.equal(anomalies(ask(values, { maxAnomalyRatio: 0.05 })).length, 2);
    assert.ok(anomalies(ask(values, { maxAnomalyRatio: 0.05 })).includes(45));
  });

  it('finds nothing in noise, and no period', () => {
    const random = new SeededRandom(7);
    const noise = Array.from({ length: 500 }, () => random.normal());
    assert.deepEqual(anomalies(ask(noise, { granularity: 'none', timesMs: undefined })), []);
    assert.equal(findPeriod(Float64Array.from(noise)), 0);
  });

  it('finds a day among hours, under a trend', () => {
    const random = new SeededRandom(3);
    const hour = (i: number) => 20 * Math.sin((2 * Math.PI * i) / 24) + 0.05 * i + random.normal();
    const values = Float64Array.from({ length: 24 * 30 }, (_, i) => hour(i));
    assert.equal(findPeriod(values), 24);
  });

  it('takes a period that is given', () => {
    assert.equal(detectEntire(ask(DOCUMENTED, { period: 6 })).period, 6);
  });
});

describe('the last point of a series', () => {
  it('is judged by those before it', () => {
    const strange = [...DOCUMENTED.slice(0, -1), 1_200];
    const { period, points } = detectLast(ask(strange));
    assert.equal(period, 12);
    assert.equal(points.length, 1);
    assert.ok(points[0]!.isPositiveAnomaly);
    const usual = [...DOCUMENTED.slice(0, -1), 813];
    assert.equal(detectLast(ask(usual)).points[0]!.isAnomaly, false);
  });
});

describe('points on a calendar', () => {
  const DAY_MS = 86_400_000;
  const grid = (days: readonly number[], mode: Parameters<typeof regularGrid>[4] = 'auto') =>
    regularGrid(
      days.map((day) => day * DAY_MS),
      days.map((day) => 10 * day),
      'daily',
      1,
      mode,
      7,
    );
  const DAYS = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11];

  it('are a step apart, with what is missing filled in', () => {
    assert.deepEqual([...grid(DAYS).values].slice(3, 6), [30, 40, 50]);
    assert.deepEqual([...grid(DAYS, 'previous').values].slice(3, 6), [30, 30, 50]);
    assert.deepEqual([...grid(DAYS, 'zero').values].slice(3, 6), [30, 0, 50]);
    assert.deepEqual([...grid(DAYS, 'fixed').values].slice(3, 6), [30, 7, 50]);
    assert.deepEqual([...grid(DAYS).stepOf], DAYS);
  });

  it('are refused when they do not ascend, are off their steps, or too many are missing', () => {
    assert.throws(() => grid([0, 2, 1]), /series\[2\].timestamp must come after/);
    assert.throws(() => grid([0, 1, 2.4]), /series\[2\].timestamp does not fit the granularity daily/);
    assert.throws(() => grid([0, 1, 2, 9]), /at most a tenth/);
  });
});

describe('a sliding median', () => {
  it('is that of the window, cut at the ends', () => {
    assert.deepEqual([...slidingMedian(Float64Array.of(1, 9, 2, 3), 3)], [5, 2, 3, 2.5]);
    assert.deepEqual([...slidingMedian(Float64Array.of(4), 7)], [4]);
  });
});
