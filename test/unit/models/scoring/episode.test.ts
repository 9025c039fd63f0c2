import assert from 'node:assert/strict';
import { endEpisode, EPISODE_LENGTH, refractoryFrames, stepEvent } from '../../../../models/scoring/episode.js';

describe('episode', () => {
  it('speaks once for a fault that lasts, and again for a worse one', () => {
    const state = new Float64Array(EPISODE_LENGTH);
    const events = [5, 5, 5, 9, 5].map((rarity) => stepEvent(state, 0, rarity, 100) > 0);
    assert.deepEqual(events, [true, false, false, true, false]);
  });

  it('speaks again after the refractory time', () => {
    const state = new Float64Array(EPISODE_LENGTH);
    stepEvent(state, 0, 5, 50);
    for (let i = 0; i < 200; i++) stepEvent(state, 0, 0, 50);
    assert.ok(stepEvent(state, 0, 5, 50) > 0);
  });

  it('speaks at once again when a person ended the episode', () => {
    const state = new Float64Array(EPISODE_LENGTH);
    stepEvent(state, 0, 5, 100);
    endEpisode(state, 0);
    assert.ok(stepEvent(state, 0, 5, 100) > 0);
  });

  it('is refractory for a day, within bounds', () => {
    assert.equal(refractoryFrames(300_000), 288);
    assert.equal(refractoryFrames(1_000), 600);
    assert.equal(refractoryFrames(86_400_000), 24);
  });
});
