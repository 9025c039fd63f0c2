import assert from 'node:assert/strict';
import { nearestMean, nearestPair, nearestShape } from '../../../../models/statistics/nearest-windows.js';

/** Latest first. */
const series = Float64Array.of(5, 3, 4, 6, 1, 2);
const count = series.length;

describe('nearest windows', () => {
  it('finds the nearest mean but one, and skips the value just before', () => {
    // |4−5| = 1, |6−5| = 1, |1−5| = 4, |2−5| = 3; the 3 stands next to the latest.
    assert.deepEqual(
      [1, 2, 3, 4].map((k) => nearestMean(series, count, 1, k)),
      [1, 1, 3, 4],
    );
  });

  it('compares means of windows that share no value with the latest', () => {
    // Latest 5+3 = 8; 4+6 = 10, 6+1 = 7, 1+2 = 3.
    assert.deepEqual(
      [1, 2, 3].map((k) => nearestMean(series, count, 2, k)),
      [0.5, 1, 2.5],
    );
  });

  it('compares shapes value by value', () => {
    // |4−5|+|6−3| = 4, |6−5|+|1−3| = 3, |1−5|+|2−3| = 5.
    assert.deepEqual(
      [1, 2, 3].map((k) => nearestShape(series, count, 2, k)),
      [1.5, 2, 2.5],
    );
  });

  it('adds up two series', () => {
    const other = Float64Array.of(0, 0, 9, 0, 0, 0);
    // Each of length 1: 1+9, 1+0, 4+0, 3+0, halved.
    assert.deepEqual(
      [1, 2, 3, 4].map((k) => nearestPair(series, other, count, 1, k)),
      [0.5, 1.5, 2, 5],
    );
  });

  it('is infinitely far from a past that is too short', () => {
    assert.equal(nearestMean(series, count, 2, 4), Infinity);
    assert.equal(nearestShape(series, count, 4, 1), Infinity);
  });
});
