import assert from 'node:assert/strict';
import {
  detectorWeight,
  followDoubt,
  tailWeight,
  TEACHING_LENGTH,
  trustAgain,
} from '../../../../models/scoring/teaching.js';

const THRESHOLD = 4;
const PATIENCE = 100;

function after(frames: number, rarity: number): Float64Array {
  const state = new Float64Array(TEACHING_LENGTH);
  for (let i = 0; i < frames; i++) followDoubt(state, 0, rarity, PATIENCE);
  return state;
}

describe('teaching', () => {
  it('lets ordinary frames teach in full and strange ones hardly', () => {
    const state = after(1, 0.5);
    assert.equal(detectorWeight(state, 0, 0.5, THRESHOLD), 1);
    assert.ok(detectorWeight(state, 0, 3, THRESHOLD) < 1);
    assert.equal(detectorWeight(state, 0, 9, THRESHOLD), 0.05);
  });

  it('holds out for the patience, accepts after it, and then learns fast', () => {
    assert.equal(detectorWeight(after(PATIENCE - 1, 9), 0, 9, THRESHOLD), 0.05);
    const accepting = detectorWeight(after(2 * PATIENCE, 9), 0, 9, THRESHOLD);
    assert.ok(accepting > 0.3 && accepting <= 1, `${accepting}`);
    assert.ok(detectorWeight(after(4 * PATIENCE, 9), 0, 9, THRESHOLD) > 1);
  });

  it('counts a long episode about once in the tails', () => {
    const state = new Float64Array(TEACHING_LENGTH);
    let sum = 0;
    for (let i = 0; i < PATIENCE; i++) {
      followDoubt(state, 0, 9, PATIENCE);
      sum += tailWeight(state, 0, 9, THRESHOLD, 1e9);
    }
    assert.ok(sum > 1 && sum < 2, `${sum}`);
  });

  it('counts the first strange frame of a young device little', () => {
    assert.equal(tailWeight(after(1, 9), 0, 9, THRESHOLD, 150), 0.1);
    assert.equal(tailWeight(after(1, 9), 0, 9, THRESHOLD, 1e6), 1);
  });

  it('trusts again when told', () => {
    const state = after(1_000, 9);
    trustAgain(state, 0);
    assert.equal(detectorWeight(state, 0, 0.5, THRESHOLD), 1);
  });
});
