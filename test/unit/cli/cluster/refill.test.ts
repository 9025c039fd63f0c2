import assert from 'node:assert/strict';
import { clusterParts } from '../../../../cli/cluster/cluster-parts.js';
import { Refill } from '../../../../cli/cluster/refill.js';
import type { ReadSideProgress } from '../../../../models/routing/cluster-view.js';
import { clusterOf } from './sample-cluster.js';

const PARTS = clusterParts({ ingests: 1, windows: 1, scorers: 2, alertings: 1 });

/** All partitions are as far; the window stage shows nothing to people. */
function at(readSide: ReadSideProgress | null) {
  const answer = clusterOf(PARTS);
  const stages = answer.stages.map((stage) => ({
    ...stage,
    partitions: stage.partitions.map((one) => ({ ...one, readSide: stage.stage === 'window' ? null : readSide })),
  }));
  return { ...answer, stages };
}

describe('filling the read side again', () => {
  it('is complete when every partition of both stages is where the log was', () => {
    const refill = new Refill();
    assert.equal(refill.isComplete, false);
    refill.look(at({ shown: 0, end: 100 }));
    assert.deepEqual([refill.partitions, refill.done, refill.left], [16, 0, 1_600]);
    refill.look(at({ shown: 75, end: 110 }));
    assert.deepEqual([refill.done, refill.left, refill.isComplete], [12, 400, false]);
    refill.look(at({ shown: 99, end: 120 }));
    assert.equal(refill.isComplete, false);
    refill.look(at({ shown: 100, end: 130 }));
    assert.deepEqual([refill.done, refill.left, refill.isComplete], [16, 0, true]);
  });

  it('does not take what is not known for done', () => {
    const refill = new Refill();
    refill.look(at(null));
    assert.deepEqual([refill.partitions, refill.done, refill.isComplete], [16, 0, false]);
  });

  it('goes on from where it was after a partition has changed hands', () => {
    const refill = new Refill();
    for (const one of [{ shown: 0, end: 10 }, null, { shown: 4, end: 20 }]) refill.look(at(one));
    assert.deepEqual([refill.left, refill.isComplete], [96, false]);
  });

  it('knows whether anything has moved', () => {
    const refill = new Refill();
    const looks = [null, { shown: 0, end: 9 }, { shown: 0, end: 12 }, { shown: 5, end: 12 }, { shown: 3, end: 12 }];
    assert.deepEqual(
      looks.map((one) => refill.look(at(one))),
      [false, true, false, true, false],
    );
  });
});
