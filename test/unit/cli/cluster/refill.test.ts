import assert from 'node:assert/strict';
import { clusterParts } from '../../../../cli/cluster/cluster-parts.js';
import { Refill } from '../../../../cli/cluster/refill.js';
import { clusterOf } from './sample-cluster.js';

const PARTS = clusterParts({ ingests: 1, windows: 1, scorers: 2, alertings: 1 });

/** All partitions miss as much; the window stage shows nothing to people. */
function missing(unshown: number | null) {
  const answer = clusterOf(PARTS);
  const stages = answer.stages.map((stage) => ({
    ...stage,
    partitions: stage.partitions.map((one) => ({ ...one, unshown: stage.stage === 'window' ? null : unshown })),
  }));
  return { ...answer, stages };
}

describe('filling the read side again', () => {
  it('is complete when every partition of both stages has come near', () => {
    const refill = new Refill();
    assert.equal(refill.isComplete, false);
    refill.look(missing(100));
    assert.deepEqual([refill.partitions, refill.done, refill.left], [16, 0, 1_600]);
    refill.look(missing(25));
    assert.deepEqual([refill.done, refill.left, refill.isComplete], [12, 400, false]);
    refill.look(missing(0));
    assert.deepEqual([refill.done, refill.left, refill.isComplete], [16, 0, true]);
  });

  it('does not take what is not known for done', () => {
    const refill = new Refill();
    refill.look(missing(null));
    assert.deepEqual([refill.done, refill.isComplete], [0, false]);
  });

  it('knows whether anything has moved', () => {
    const refill = new Refill();
    assert.deepEqual(
      [null, 100, 100, 120, 90, 0, 0].map((unshown) => refill.look(missing(unshown))),
      [false, true, false, false, true, true, false],
    );
  });

  it('is not undone by what comes in meanwhile', () => {
    const refill = new Refill();
    for (const unshown of [100, 2, 30]) refill.look(missing(unshown));
    assert.equal(refill.isComplete, true);
  });
});
