import assert from 'node:assert/strict';
import { skabScore } from '../../../../models/evaluation/skab-score.js';

describe('SKAB figures', () => {
  it('count rows over all series', () => {
    const one = { alert: Uint8Array.of(0, 1, 1, 0, 0), ranges: [[2, 3]] as const };
    const two = { alert: Uint8Array.of(1, 0, 0), ranges: [[0, 0]] as const };
    // Right 2, wrong 1, missed 1, quiet 4.
    assert.deepEqual(skabScore([one, two]), { f1: 2 / 3, far: 20, mar: 100 / 3 });
  });
});
