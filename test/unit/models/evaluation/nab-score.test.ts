import assert from 'node:assert/strict';
import { nabProbation, nabScore } from '../../../../models/evaluation/nab-score.js';

/** 20 rows, of which 3 are probation, with one window. */
const series = (events: Readonly<Record<number, number>>) => ({
  event: Float64Array.from({ length: 20 }, (_, row) => events[row] ?? 0),
  ranges: [[10, 13]] as const,
});
const near = (actual: number, expected: number): void => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}`);
const sigmoid = (position: number): number => 2 / (1 + Math.exp(5 * position)) - 1;

describe('NAB score', () => {
  it('is 100 for a detection at the left edge and nothing else', () => {
    assert.deepEqual(nabScore([series({ 10: 1 })]), { standard: 100, lowFp: 100, lowFn: 100 });
  });

  it('is 0 for a score that never changes where that is best', () => {
    const flat = { event: new Float64Array(200), ranges: [[60, 60]] as const };
    assert.equal(nabScore([flat]).standard, 0);
  });

  it('pays less for a late detection', () => {
    near(nabScore([series({ 13: 1 })]).standard, 50 * (1 + sigmoid(-1 / 4) / sigmoid(-1)));
  });

  it('charges a false alarm by profile', () => {
    const { standard, lowFp, lowFn } = nabScore([series({ 5: 1, 10: 0.9 })]);
    near(standard, (100 * 1.89) / 2);
    near(lowFp, (100 * 1.78) / 2);
    near(lowFn, (100 * 2.89) / 3);
  });

  it('charges an alarm just behind a window less', () => {
    near(nabScore([series({ 14: 1, 10: 0.9 })]).standard, 50 * (2 + 0.11 * sigmoid(1 / 3)));
  });

  it('does not judge the probation, and a window in it is lost only from the perfect score', () => {
    assert.equal(nabProbation(20), 3);
    assert.equal(nabProbation(100_000), 750);
    const both = {
      ...series({ 10: 1 }),
      ranges: [
        [0, 1],
        [10, 13],
      ] as const,
    };
    near(nabScore([both]).standard, (100 * 2) / 3);
  });

  it('uses one threshold for all series', () => {
    const quiet = { event: new Float64Array(20).fill(0, 0).map((_, row) => (row === 5 ? 0.5 : 0)), ranges: [] };
    near(nabScore([series({ 10: 0.4 }), quiet]).standard, (100 * 1.89) / 2);
  });

  it('refuses series without windows', () => {
    assert.throws(() => nabScore([{ event: new Float64Array(9), ranges: [] }]), RangeError);
  });
});
