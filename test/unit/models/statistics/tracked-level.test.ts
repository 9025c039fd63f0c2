import assert from 'node:assert/strict';
import { SeededRandom } from '../../../../models/simulator/random.js';
import { levelFactor } from '../../../../models/statistics/tracked-level.js';

describe('tracked level', () => {
  it('comes to what 98 % of the values stay below', () => {
    const random = new SeededRandom(3);
    let level = 0.2;
    for (let count = 1; count <= 40_000; count++) level *= levelFactor(random.uniform() / level, count, 1);
    assert.ok(level > 0.96 && level < 1, `${level}`);
  });

  it('stays for values that teach nothing', () => {
    assert.equal(levelFactor(5, 10, 0), 1);
  });
});
