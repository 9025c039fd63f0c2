import assert from 'node:assert/strict';
import { faultDetectionRate } from '../../../../models/evaluation/fault-detection-rate.js';

const normal = { score: Float64Array.from({ length: 99 }, (_, row) => row / 100), ranges: [], fault: undefined };
const faulty = (fault: number, ...scores: number[]) => ({
  score: Float64Array.of(0, ...scores),
  ranges: [[1, scores.length]] as const,
  fault,
});

describe('fault detection rate', () => {
  it('is the mean share of rows over the threshold of 1 % false alarms', () => {
    // 101 normal rows: the threshold is the 100th, which two zeros that the faults bring make 0.97.
    const rate = faultDetectionRate([normal, faulty(1, 0.99, 0.5, 0.99, 0.99), faulty(2, 0.97, 0.99)]);
    assert.equal(rate, (0.75 + 0.5) / 2);
  });

  it('leaves out the faults that can hardly be told from normal operation', () => {
    assert.equal(faultDetectionRate([normal, faulty(1, 0.99), faulty(9, 0.1)]), 1);
  });
});
