import assert from 'node:assert/strict';
import { PullBudget } from '../../../../storage/nats/pull-budget.js';

const MB = 2 ** 20;

describe('pull budget', () => {
  let budget: PullBudget;
  beforeEach(() => {
    budget = new PullBudget();
  });
  const join = (feeds: number): void => {
    for (let i = 0; i < feeds; i++) budget.join();
  };

  it('gives a few feeds a megabyte each, many a share of sixteen', () => {
    join(16);
    assert.equal(budget.bytesEach(0), MB);
    join(48);
    assert.equal(budget.bytesEach(0), MB / 4);
    for (let i = 0; i < 32; i++) budget.leave();
    assert.equal(budget.bytesEach(0), MB / 2);
  });

  it('halves with each break, down to what one small message takes', () => {
    join(32);
    budget.connectionLost(0);
    assert.equal(budget.bytesEach(0), MB / 4);
    for (let i = 0; i < 20; i++) budget.connectionLost(0);
    assert.equal(budget.bytesEach(0), 2 ** 14);
  });

  it('doubles with each half minute of calm, up to the first size', () => {
    join(32);
    for (let i = 0; i < 3; i++) budget.connectionLost(1_000);
    assert.equal(budget.bytesEach(30_999), MB / 16);
    assert.equal(budget.bytesEach(31_000), MB / 8);
    assert.equal(budget.bytesEach(1e9), MB / 2);
  });
});
