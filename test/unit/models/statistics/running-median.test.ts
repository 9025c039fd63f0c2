import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MAX_MEDIAN_WINDOW, medianDeviation, medianOf } from '../../../../models/statistics/running-median.js';

describe('running median', () => {
  it('does what its examples say', () => {
    assert.equal(medianOf(Float64Array.of(3, 1, 2), 0, 3), 2);
    assert.equal(medianDeviation(Float64Array.of(10, 11, 100), 0, 3, 11), 1);
  });

  it('takes the mean of the two in the middle, of a part of the data', () => {
    assert.equal(medianOf(Float64Array.of(99, 4, 1, 3, 2, 99), 1, 4), 2.5);
  });

  it('has no median of nothing', () => {
    assert.ok(Number.isNaN(medianOf(new Float64Array(0), 0, 0)));
  });

  it('refuses a window that is too long', () => {
    const data = new Float64Array(MAX_MEDIAN_WINDOW + 1);
    assert.throws(() => medianOf(data, 0, data.length), /count must be 0 to 63, got 64/);
    assert.throws(() => medianDeviation(data, 0, -1, 0), /got -1/);
  });

  it('agrees with a sorted copy, and leaves the data as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: MAX_MEDIAN_WINDOW }), (values) => {
        const data = Float64Array.from(values);
        const sorted = data.toSorted();
        const half = Math.floor(values.length / 2);
        const expected = values.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
        assert.ok(medianOf(data, 0, data.length) === expected || Number.isNaN(expected));
        assert.deepEqual([...data], values);
      }),
    );
  });
});
