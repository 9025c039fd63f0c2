import assert from 'node:assert/strict';
import type { StageView } from '../../../../models/routing/cluster-view.js';
import { scalePlan } from '../../../../models/routing/scale-plan.js';

/** 32 partitions of ten devices each, dealt out to `replicas` one by one. */
function stage(
  replicas: readonly string[],
  change: (owner: string, partition: number) => string | null = (o) => o,
): StageView {
  const partitions = Array.from({ length: 32 }, (_, partition) => ({
    partition,
    owner: change(replicas[partition % replicas.length]!, partition),
    epoch: 1,
    position: 0,
    lag: 0,
    devices: 10,
    readSide: null,
  }));
  return { stage: 'scorer', replicas, silent: [], partitions };
}

describe('scalePlan', () => {
  it('moves nothing when nothing changes', () => {
    const plan = scalePlan(stage(['a', 'b']), 2);
    assert.deepEqual(plan.moves, []);
    assert.deepEqual(plan.after, { a: 16, b: 16 });
    assert.equal(plan.movedShare, 0);
  });

  it('moves a third of the devices to a third replica, and nothing else', () => {
    const plan = scalePlan(stage(['a', 'b']), 3);
    assert.deepEqual(plan.before, { a: 16, b: 16 });
    assert.deepEqual(plan.after, { a: 11, b: 11, 'new 1': 10 });
    assert.equal(plan.moves.length, 10);
    assert.ok(plan.moves.every(({ from, to }) => from !== null && to === 'new 1'));
    assert.equal(plan.movedShare, 100 / 320);
  });

  it('empties those that have least, and evens out the rest', () => {
    const view = stage(['a', 'b', 'c'], (owner, partition) => (owner === 'b' && partition > 9 ? 'a' : owner));
    const plan = scalePlan(view, 2);
    assert.deepEqual(Object.keys(plan.after).sort(), ['a', 'c']);
    assert.deepEqual(new Set(plan.moves.map(({ from }) => from)), new Set(['b', 'a']));
    assert.deepEqual(plan.after, { a: 16, c: 16 });
  });

  it('gives away what nobody runs', () => {
    const plan = scalePlan(
      stage(['a'], (owner, partition) => (partition === 5 ? null : owner)),
      1,
    );
    assert.deepEqual(plan.moves, [{ partition: 5, from: null, to: 'a', devices: 10 }]);
  });

  it('counts partitions where there is no device yet', () => {
    const view = stage(['a', 'b']);
    const empty = { ...view, partitions: view.partitions.map((partition) => ({ ...partition, devices: 0 })) };
    assert.equal(scalePlan(empty, 4).movedShare, 0.5);
  });

  it('has nothing to move where no partition is known', () => {
    const plan = scalePlan({ stage: 'window', replicas: [], silent: [], partitions: [] }, 2);
    assert.deepEqual([plan.moves, plan.movedShare], [[], 0]);
  });
});
