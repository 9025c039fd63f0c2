import assert from 'node:assert/strict';
import { thresholdRarity } from '../../../../models/scoring/rarity.js';

const WEEK_MS = 604_800_000;

describe('rarity', () => {
  it('has a threshold that lets so many frames of a week through', () => {
    assert.ok(Math.abs(thresholdRarity(1, WEEK_MS / 10_000, 1e9) - 4) < 1e-9);
    assert.ok(thresholdRarity(0.5, 60_000, 1e9) > thresholdRarity(5, 60_000, 1e9));
  });

  it('asks no more of a young device than it can have seen', () => {
    assert.ok(thresholdRarity(0.5, 1_000, 150) < 4.5);
    assert.ok(thresholdRarity(0.5, 1_000, 1e6) > 6);
  });

  it('stays within reason for the fastest and slowest devices', () => {
    assert.equal(thresholdRarity(0.001, 1, 1e12), 8);
    assert.equal(thresholdRarity(10_000, WEEK_MS, 1e12), 2);
  });
});
