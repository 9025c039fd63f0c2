import assert from 'node:assert/strict';
import {
  departureView,
  levelView,
  movementView,
  valueView,
  VIEW_LENGTH,
  type RowView,
} from '../../../../models/detectors/row-views.js';

/** What a view of one channel makes of each value in turn. */
function seen(view: RowView, values: readonly number[]): number[] {
  const state = new Float64Array(VIEW_LENGTH);
  const out = new Float64Array(1);
  return values.map((value) => {
    const row = Float64Array.of(value);
    view.look(state, 0, VIEW_LENGTH, row, 1, out);
    view.learn(state, 0, VIEW_LENGTH, row, 1);
    return out[0]!;
  });
}

describe('views of a row', () => {
  it('value: as it is', () => {
    assert.deepEqual(seen(valueView, [3, NaN, -1]), [3, NaN, -1]);
  });

  it('level: the mean with this frame, then a fading one', () => {
    assert.deepEqual(seen(levelView, [2, 4, 9]), [2, 3, 5]);
    const long = seen(levelView, [...Array<number>(16).fill(0), 16, 16]);
    assert.deepEqual(long.slice(-2), [1, 1.9375]);
  });

  it('level: without a single wild value, as soon as the next one shows that it was', () => {
    const noise = Array.from({ length: 16 }, (_, i) => i % 2);
    const [at, after] = seen(levelView, [...noise, 1_600, 1]).slice(-2);
    assert.ok(at! > 100 && Math.abs(after! - 0.5) < 0.1, `${at}, ${after}`);
  });

  it('departure: from the mean before this frame', () => {
    assert.deepEqual(seen(departureView, [2, 4, 9]), [0, 2, 6]);
  });

  it('movement: the logarithm of the mean step', () => {
    const [, second, third] = seen(movementView, [0, 2, 2]);
    // Steps 2 and 0: mean of late and of long 2, then 1.
    assert.ok(Math.abs(second! - Math.log(2.2)) < 1e-6 && Math.abs(third! - Math.log(1.1)) < 1e-6);
  });

  it('a missing value is none, and changes nothing', () => {
    for (const view of [levelView, departureView, movementView]) {
      const [, , gap, after] = seen(view, [1, 3, NaN, 4]);
      assert.ok(Number.isNaN(gap));
      assert.equal(after, seen(view, [1, 3, 4])[2]);
    }
  });

  it('settling makes the present value the mean', () => {
    const state = new Float64Array(VIEW_LENGTH);
    const out = new Float64Array(1);
    for (const value of [0, 0, 0]) levelView.learn(state, 0, VIEW_LENGTH, Float64Array.of(value), 1);
    levelView.settle(state, 0, VIEW_LENGTH, Float64Array.of(8), 1);
    levelView.look(state, 0, VIEW_LENGTH, Float64Array.of(8), 1, out);
    assert.equal(out[0], 8);
  });
});
