import assert from 'node:assert/strict';
import { vusPr } from '../../../../models/evaluation/vus-pr.js';

describe('VUS-PR', () => {
  it('is 1 for a score that tells anomalies apart', () => {
    assert.equal(vusPr(Float64Array.of(0, 1, 0, 0), [[1, 1]], 0), 1);
  });

  it('is the share of anomalies for a score that tells nothing', () => {
    assert.equal(vusPr(new Float64Array(4), [[1, 1]], 0), 0.25);
  });

  it('forgives a detection beside the range', () => {
    // Buffers 0 and 1 widen by no row: 1/4. Buffer 2 gives each neighbour √½.
    const label = Math.SQRT1_2;
    const recall = label / (1 + label / 2);
    const widened = recall * label + ((1 - recall) * (1 + 2 * label)) / 4;
    const value = vusPr(Float64Array.of(1, 0, 0, 0), [[1, 1]], 2)!;
    assert.ok(Math.abs(value - (0.25 + 0.25 + widened) / 3) < 1e-12);
  });

  it('counts ranges that meet once they are widened as one', () => {
    const score = Float64Array.of(1, 0, 0, 0, 0);
    const apart = vusPr(
      score,
      [
        [0, 0],
        [2, 2],
      ],
      0,
    )!;
    assert.ok(Math.abs(apart - ((1 / 2) * (1 / 2) + (3 / 4) * (2 / 5))) < 1e-12);
    const edge = Math.SQRT1_2;
    // Buffer 2: rows 1 and 3 are widened, row 1 from both sides and so with label 1.
    const hits = 2 + 1 + edge;
    const met = 1 / 2 + (1 / 2) * (hits / 5);
    const value = vusPr(
      score,
      [
        [0, 0],
        [2, 2],
      ],
      2,
    )!;
    assert.ok(Math.abs(value - (apart + apart + met) / 3) < 1e-12);
  });

  it('says nothing without ranges', () => {
    assert.equal(vusPr(new Float64Array(4), [], 3), undefined);
  });
});
