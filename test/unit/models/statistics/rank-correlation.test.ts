import assert from 'node:assert/strict';
import fc from 'fast-check';
import { rankCorrelation } from '../../../../models/statistics/rank-correlation.js';

const columns = fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })), { minLength: 3 });

describe('rank correlation', () => {
  it('is 1 for the same order, −1 for the opposite', () => {
    assert.equal(rankCorrelation([1, 2, 30], [-5, 0, 0.1]), 1);
    assert.equal(rankCorrelation([1, 2, 30], [9, 8, 7]), -1);
  });

  it('is as in a textbook', () => {
    // Ranks 1 2 3 4 5 and 2 1 4 3 5: ρ = 1 − 6·4/(5·24).
    assert.ok(Math.abs(rankCorrelation([10, 20, 30, 40, 50], [2, 1, 4, 3, 5]) - 0.8) < 1e-12);
  });

  it('gives ties their mean rank', () => {
    // Ranks 1.5 1.5 3 and 1 2 3: covariance 1.5, variances 1.5 and 2.
    assert.ok(Math.abs(rankCorrelation([7, 7, 9], [1, 2, 3]) - 1.5 / Math.sqrt(3)) < 1e-12);
  });

  it('knows nothing of a column that never changes', () => {
    assert.ok(Number.isNaN(rankCorrelation([1, 1], [1, 2])) && Number.isNaN(rankCorrelation([], [])));
  });

  it('is within −1 and 1, and the same the other way round', () => {
    fc.assert(
      fc.property(columns, (rows) => {
        const [a, b] = [rows.map(([x]) => x), rows.map(([, y]) => y)];
        const correlation = rankCorrelation(a, b);
        assert.ok(Number.isNaN(correlation) || Math.abs(correlation) <= 1 + 1e-12);
        assert.ok(Object.is(correlation, rankCorrelation(b, a)));
      }),
    );
  });
});
