import assert from 'node:assert/strict';
import { SeededRandom } from '../../../../models/simulator/random.js';
import { MAX_SURPRISE, TailHistogram } from '../../../../models/statistics/tail-histogram.js';

const shape = { bins: 32, binsPerEFold: 3, lowest: 0.05, horizon: 20_000, isConcave: false, priorExcess: 1 };
const tail = new TailHistogram(shape);

function newState(histogram = tail): Float64Array {
  const state = new Float64Array(histogram.length);
  histogram.init(state, 0);
  return state;
}

describe('TailHistogram', () => {
  it('finds nothing rare before it has seen anything', () => {
    assert.equal(tail.surprise(newState(), 0, 1e9), 0);
  });

  it('tells the tail of exponential values far beyond the data', () => {
    const state = newState();
    const random = new SeededRandom(3);
    for (let i = 0; i < 5_000; i++) tail.learn(state, 0, -Math.log(1 - random.uniform()), 1);
    for (const decades of [1, 2, 3, 5]) {
      const surprise = tail.surprise(state, 0, decades * Math.LN10);
      assert.ok(Math.abs(surprise - decades) < 0.2 + 0.2 * decades, `${decades} decades, got ${surprise}`);
    }
  });

  it('tells the tail of a power law far beyond the data', () => {
    const power = new TailHistogram({ ...shape, isPower: true, priorExcess: 0.5 });
    const state = newState(power);
    const random = new SeededRandom(3);
    for (let i = 0; i < 5_000; i++) power.learn(state, 0, (1 - random.uniform()) ** -0.5, 1);
    for (const decades of [2, 3, 5]) {
      const surprise = power.surprise(state, 0, 10 ** (decades / 2));
      assert.ok(Math.abs(surprise - decades) < 0.2 + 0.1 * decades, `${decades} decades, got ${surprise}`);
    }
  });

  it('grows with strangeness', () => {
    const state = newState();
    const random = new SeededRandom(4);
    for (let i = 0; i < 500; i++) tail.learn(state, 0, random.uniform() * 3, 1);
    let last = 0;
    for (let strangeness = 0.1; strangeness < 1_000; strangeness *= 1.3) {
      const surprise = tail.surprise(state, 0, strangeness);
      assert.ok(surprise >= last - 1e-9, `at ${strangeness}`);
      last = surprise;
    }
  });

  it('knows that what happens often is not rare, also beyond its highest bin', () => {
    const state = newState();
    for (let i = 0; i < 400; i++) tail.learn(state, 0, i % 10 === 0 ? 1e7 : 1, 1);
    assert.ok(tail.surprise(state, 0, 1e9) < 1.5);
  });

  it('finds the first movement after stillness rare', () => {
    const state = newState();
    for (let i = 0; i < 150; i++) tail.learn(state, 0, 0, 1);
    assert.ok(tail.surprise(state, 0, 50) > 6);
  });

  it('forgets', () => {
    const quick = new TailHistogram({ ...shape, horizon: 100 });
    const state = newState(quick);
    for (let i = 0; i < 500; i++) quick.learn(state, 0, 10, 1);
    for (let i = 0; i < 500; i++) quick.learn(state, 0, 0.5, 1);
    assert.ok(quick.surprise(state, 0, 10) > 2);
  });

  it('stays finite over a million values', () => {
    const quick = new TailHistogram({ ...shape, horizon: 50 });
    const state = newState(quick);
    for (let i = 0; i < 1_000_000; i++) quick.learn(state, 0, i % 5, 1);
    assert.ok(state.every(Number.isFinite));
    assert.ok(quick.surprise(state, 0, 4) < 1);
  });

  it('learns nothing from NaN or weight 0, and never exceeds its largest answer', () => {
    const state = newState();
    for (let i = 0; i < 50; i++) tail.learn(state, 0, 1, 1);
    const before = state.slice();
    tail.learn(state, 0, NaN, 1);
    tail.learn(state, 0, 5, 0);
    assert.deepEqual(state, before);
    assert.equal(tail.surprise(state, 0, NaN), 0);
    assert.ok(tail.surprise(state, 0, Infinity) <= MAX_SURPRISE);
  });
});
