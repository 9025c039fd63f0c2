import assert from 'node:assert/strict';
import { quadraticFormLevel } from '../../../../models/statistics/quadratic-form-level.js';

const within = (actual: number, expected: number): void => {
  assert.ok(Math.abs(actual / expected - 1) < 0.02, `${actual}, expected ${expected}`);
};

describe('level of a quadratic form', () => {
  it('is the chi-square quantile for equal weights', () => {
    within(quadraticFormLevel(1, 1), 5.412);
    within(quadraticFormLevel(10, 10), 21.161);
    within(quadraticFormLevel(50, 50), 72.613);
  });

  it('scales with the weights', () => {
    within(quadraticFormLevel(3 * 10, 9 * 10), 3 * 21.161);
  });

  it('lies between those of one number and of many when one weighs most', () => {
    // Weights 1 and 0.5: the level of a million draws is 6.19.
    within(quadraticFormLevel(1.5, 1.25), 6.19);
  });
});
