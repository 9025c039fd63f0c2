import assert from 'node:assert/strict';
import { SeededRandom } from '../../../../models/simulator/random.js';

const COUNT = 100_000;

function draw(next: () => number): { mean: number; sd: number; min: number; max: number } {
  const values = Float64Array.from({ length: COUNT }, next);
  const mean = values.reduce((sum, value) => sum + value, 0) / COUNT;
  const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / COUNT);
  return { mean, sd, min: values.reduce((a, b) => Math.min(a, b)), max: values.reduce((a, b) => Math.max(a, b)) };
}

describe('SeededRandom', () => {
  it('gives the same numbers for the same seed and stream', () => {
    const [a, b] = [new SeededRandom(7, 'x'), new SeededRandom(7, 'x')];
    for (let i = 0; i < 100; i++) assert.equal(a.nextUint32(), b.nextUint32());
  });

  it('keeps its numbers from release to release', () => {
    const random = new SeededRandom(42, 'golden');
    assert.deepEqual(
      Array.from({ length: 4 }, () => random.nextUint32()),
      [3_207_625_903, 2_167_489_878, 2_569_780_807, 1_915_450_372],
    );
  });

  it('gives other numbers for other seeds and streams', () => {
    const firsts = [0, 1, 2, -1, 0.5 + 2 ** 32, 2 ** 40, 2 ** 40 + 1].map((seed) => new SeededRandom(seed).uniform());
    firsts.push(new SeededRandom(0, 'a').uniform(), new SeededRandom(0, 'b').uniform());
    assert.equal(new Set(firsts).size, firsts.length);
  });

  it('is uniform', () => {
    const random = new SeededRandom(1);
    const { mean, sd, min, max } = draw(() => random.uniform());
    assert.ok(Math.abs(mean - 0.5) < 0.005, `mean ${mean}`);
    assert.ok(Math.abs(sd - Math.sqrt(1 / 12)) < 0.005, `sd ${sd}`);
    assert.ok(min >= 0 && min < 0.001 && max < 1 && max > 0.999);
  });

  it('is normal', () => {
    const random = new SeededRandom(2);
    const { mean, sd, min, max } = draw(() => random.normal());
    assert.ok(Math.abs(mean) < 0.02, `mean ${mean}`);
    assert.ok(Math.abs(sd - 1) < 0.02, `sd ${sd}`);
    assert.ok(min < -3.5 && max > 3.5);
  });

  it('draws whole numbers evenly', () => {
    const random = new SeededRandom(3);
    const counts = [0, 0, 0, 0, 0, 0];
    for (let i = 0; i < 60_000; i++) counts[random.integer(6)]!++;
    assert.ok(
      counts.every((count) => Math.abs(count - 10_000) < 500),
      counts.join(' '),
    );
  });

  it('shuffles without loss', () => {
    const items = [1, 2, 3, 4, 5, 6, 7, 8];
    const shuffled = new SeededRandom(4).shuffled(items);
    assert.notDeepEqual(shuffled, items);
    assert.deepEqual(shuffled.toSorted(), items);
  });
});
