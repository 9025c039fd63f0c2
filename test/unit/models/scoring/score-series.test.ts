import assert from 'node:assert/strict';
import { DETECTORS } from '../../../../models/detectors/index.js';
import { RequestInvalidError } from '../../../../models/errors.js';
import { scoreSeries } from '../../../../models/scoring/score-series.js';

const options = { windowSize: 30, method: 'ensemble' };

describe('scoreSeries', () => {
  it('finds a spike in a dozen rows', () => {
    const rows = Array.from({ length: 12 }, (_, i) => [i === 9 ? 50 : 1 + 0.1 * Math.sin(7 * i)]);
    const scores = scoreSeries(rows, options);
    assert.equal(scores.length, 12);
    assert.ok(scores[9]!.isAnomaly && scores[9]!.score > 0.75);
    assert.ok(scores.slice(0, 9).every(({ isAnomaly }) => !isAnomaly));
  });

  it('finds a constant that changes', () => {
    const scores = scoreSeries([...Array<number[]>(40).fill([5]), [6]], options);
    assert.ok(scores[40]!.isAnomaly);
    assert.ok(scores.slice(0, 40).every(({ isAnomaly }) => !isAnomaly));
  });

  it('does not look ahead', () => {
    const rows = Array.from({ length: 300 }, (_, i) => [Math.sin(i), Math.cos(i)]);
    const whole = scoreSeries(rows, options);
    assert.deepEqual(scoreSeries(rows.slice(0, 150), options), whole.slice(0, 150));
  });

  it('knows the methods streaming and each detector by name', () => {
    for (const method of ['streaming', ...DETECTORS.map(({ name }) => name)]) {
      const scores = scoreSeries(Array<number[]>(50).fill([1, 2]), { windowSize: 10, method });
      assert.ok(scores.every(({ score, threshold }) => score >= 0 && score <= 1 && threshold > 0 && threshold < 1));
    }
  });

  it('refuses an unknown method and lists the choices', () => {
    assert.throws(
      () => scoreSeries([[1]], { windowSize: 3, method: 'magic' }),
      (error) => {
        return (
          error instanceof RequestInvalidError && error.message.includes('ensemble') && error.message.includes('magic')
        );
      },
    );
  });

  it('refuses rows of unequal length and says which', () => {
    assert.throws(() => scoreSeries([[1, 2], [1]], options), /2 numbers like the first, got 1 in row 1/);
    assert.throws(() => scoreSeries([[]], options), RequestInvalidError);
  });

  it('answers nothing for no rows, and something for missing values', () => {
    assert.deepEqual(scoreSeries([], options), []);
    assert.equal(scoreSeries([[NaN], [1], [NaN]], options).length, 3);
  });
});
