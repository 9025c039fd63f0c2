import assert from 'node:assert/strict';
import { strongestFew } from '../../../../models/scoring/strongest-few.js';

const combine = (...values: number[]): number => strongestFew(Float64Array.from(values), 0, values.length);

describe('strongestFew', () => {
  it('hears one loud voice, and more when others agree', () => {
    assert.equal(combine(6, 0, 0), 4);
    assert.equal(combine(6, 6, 6), 6);
    assert.ok(combine(6, 3, 0) > combine(6, 0, 0));
  });

  it('does not count the fourth', () => {
    assert.equal(combine(5, 4, 3, 2.9, 2.9), combine(3, 5, 0, 4, 0));
  });

  it('is the value itself when there is one', () => {
    assert.equal(combine(2.5), 2.5);
  });
});
