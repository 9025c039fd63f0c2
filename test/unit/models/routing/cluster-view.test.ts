import assert from 'node:assert/strict';
import { stageView, type PartitionReport } from '../../../../models/routing/cluster-view.js';

function report(partition: number, node: string, more: Partial<PartitionReport> = {}): PartitionReport {
  return {
    partition,
    owner: node,
    isOwned: true,
    epoch: 1,
    position: 7,
    lag: 2,
    devices: 3,
    readSide: { shown: 9, end: 9 },
    failure: undefined,
    ...more,
  };
}

describe('stageView', () => {
  it('takes each partition from who runs it', () => {
    const { partitions } = stageView('scorer', [
      { node: 'a', partitions: [report(0, 'a'), report(1, 'b', { isOwned: false, lag: undefined })] },
      { node: 'b', partitions: [report(0, 'a', { isOwned: false }), report(1, 'b', { epoch: 4 })] },
    ]);
    assert.deepEqual(
      partitions.map(({ owner, epoch, lag }) => [owner, epoch, lag]),
      [
        ['a', 1, 2],
        ['b', 4, 2],
      ],
    );
  });

  it('believes the later epoch where two claim a partition', () => {
    for (const nodes of [
      ['old', 'new'],
      ['new', 'old'],
    ]) {
      const reports = nodes.map((node) => ({ node, partitions: [report(0, node, { epoch: node === 'new' ? 9 : 8 })] }));
      assert.equal(stageView('window', reports).partitions[0]?.owner, 'new');
    }
  });

  it('shows what nobody runs, with the reason, and who is silent', () => {
    const view = stageView('window', [
      { node: 'a', partitions: [report(0, 'dead', { isOwned: false, failure: 'disk full' })] },
      { node: 'b', reason: 'no answer' },
    ]);
    assert.deepEqual(view.partitions, [
      { partition: 0, owner: null, epoch: 0, position: 0, lag: null, devices: 0, readSide: null, failure: 'disk full' },
    ]);
    assert.deepEqual(view.replicas, ['a', 'b']);
    assert.deepEqual(view.silent, [{ node: 'b', reason: 'no answer' }]);
  });
});
