import assert from 'node:assert/strict';
import { populationStability } from '../../../../models/statistics/population-stability.js';
import { SeededRandom } from '../../../../models/simulator/random.js';

const MANY = { reference: Infinity, recent: Infinity };
const normal = (count: number, seed: number, mean = 0, spread = 1) => {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => mean + spread * random.normal());
};

describe('population stability', () => {
  it('is as computed by hand', () => {
    // Fifths of the reference: 2 of 10 in each class. Of the recent: 4, 2, 2, 2, 0 (counted as a half).
    const reference = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    const recent = [1, 1, 2, 2, 3, 4, 5, 6, 7, 8];
    const before = [0.2, 0.2, 0.2, 0.2, 0.2];
    const now = [4, 2, 2, 2, 0.5].map((count) => count / 10.5);
    const expected = before.reduce((sum, share, c) => sum + (now[c]! - share) * Math.log(now[c]! / share), 0);
    assert.ok(Math.abs(populationStability(reference, recent, MANY) - expected) < 1e-12);
  });

  it('is nothing for what has not changed, and grows with level and spread', () => {
    const reference = normal(2_000, 1);
    const index = (recent: readonly number[]) =>
      populationStability(reference, recent, { reference: 2_000, recent: recent.length });
    assert.ok(index(normal(2_000, 2)) < 0.02);
    assert.ok(index(normal(2_000, 3, 0.25)) < 0.1);
    assert.ok(index(normal(2_000, 4, 1)) > 0.25);
    assert.ok(index(normal(2_000, 5, 0, 3)) > 0.25);
  });

  it('takes off what a few independent numbers differ by chance', () => {
    const indexes = Array.from({ length: 40 }, (_, seed) =>
      populationStability(normal(50, seed), normal(50, seed + 100), { reference: 50, recent: 50 }),
    );
    const mean = indexes.reduce((sum, index) => sum + index, 0) / indexes.length;
    assert.ok(mean < 0.06, String(mean));
  });

  it('bears equal numbers', () => {
    assert.ok(populationStability([5, 5, 5], [5, 5], MANY) < 0.05);
    assert.ok(populationStability([5, 5, 5, 5], [9, 9, 9, 9], MANY) > 1);
  });
});
