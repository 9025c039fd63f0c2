import assert from 'node:assert/strict';
import { Fitness } from '../../../../mixins/stage-host/fitness.js';

const FIRST_MS = 1_000;
const WANTED = [0, 1];

describe('fitness of a replica', () => {
  let fitness: Fitness;
  beforeEach(() => {
    fitness = new Fitness(FIRST_MS);
  });

  function fail(partitions: readonly number[], times = 4): void {
    for (const partition of partitions) for (let i = 0; i < times; i++) fitness.failed(partition, 0);
  }

  it('is gone when all that it should run has failed four times in a row', () => {
    fail(WANTED, 3);
    assert.equal(fitness.standAside(WANTED), 0);
    fail(WANTED, 1);
    assert.equal(fitness.standAside(WANTED), FIRST_MS);
  });

  it('is not doubted for one broken partition', () => {
    fail([0], 100);
    assert.equal(fitness.standAside(WANTED), 0);
  });

  it('is not doubted for failures between good runs', () => {
    for (let i = 0; i < 10; i++) fitness.failed(0, 10_000);
    assert.equal(fitness.standAside([0]), 0);
    fail([1], 3);
    fitness.ended(1);
    fail([1], 3);
    assert.equal(fitness.standAside([1]), 0);
  });

  it('is tried again after twice as long each time, a minute at most, anew after a good run', () => {
    const asides = Array.from({ length: 12 }, () => {
      fail(WANTED);
      return fitness.standAside(WANTED);
    });
    assert.deepEqual(asides.slice(0, 3), [FIRST_MS, 2 * FIRST_MS, 4 * FIRST_MS]);
    assert.equal(asides.at(-1), 60_000);
    fitness.failed(0, 10_000);
    fail(WANTED);
    assert.equal(fitness.standAside(WANTED), FIRST_MS);
  });

  it('has nothing to stand aside from without a share', () => {
    assert.equal(fitness.standAside([]), 0);
  });
});
