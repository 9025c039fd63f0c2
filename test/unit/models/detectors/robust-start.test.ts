import assert from 'node:assert/strict';
import { pullIn } from '../../../../models/detectors/robust-start.js';

describe('pullIn', () => {
  it('pulls an outlier in and leaves the others', () => {
    const first = Float64Array.of(20, -9999, 21, 19, 20.5);
    assert.equal(pullIn(first, 0, 5), true);
    assert.ok(first[1]! > 5 && first[1]! < 20);
    assert.deepEqual([first[0], first[4]], [20, 20.5]);
  });

  it('finds none in ordinary values, in on and off, and in a constant', () => {
    for (const values of [
      [1, 5, 3, 4, 2, 8, 6],
      [0, 0, 0, 1, 0, 1, 0, 0],
      [7, 7, 7, 7],
    ]) {
      assert.equal(pullIn(Float64Array.from(values), 0, values.length), false);
    }
  });

  it('finds one beside a constant', () => {
    const first = new Float64Array(16).fill(7);
    first[3] = 65_535;
    assert.equal(pullIn(first, 0, 16), true);
    assert.deepEqual(first, new Float64Array(16).fill(7));
  });
});
