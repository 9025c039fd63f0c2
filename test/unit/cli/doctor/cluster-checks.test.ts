import assert from 'node:assert/strict';
import type { ClusterAnswer } from '../../../../cli/cluster/cluster-answer.js';
import { clusterParts } from '../../../../cli/cluster/cluster-parts.js';
import { clusterFindings } from '../../../../cli/doctor/cluster-checks.js';
import { clusterOf } from '../cluster/sample-cluster.js';

const WELL = clusterOf(clusterParts({ ingests: 1, windows: 2, scorers: 2, alertings: 1 }));

const inAllPartitions = (change: object): ClusterAnswer => ({
  ...WELL,
  stages: WELL.stages.map((stage) => ({
    ...stage,
    partitions: stage.partitions.map((partition) => ({ ...partition, ...change })),
  })),
});

describe('doctor, of a cluster', () => {
  it('finds nothing wrong where nothing is', () => {
    assert.deepEqual(
      clusterFindings(WELL, true).map(({ check, state }) => `${check} ${state}`),
      ['owners ok', 'replicas ok', 'lag ok', 'read side ok', 'node clocks ok'],
    );
  });

  for (const [what, answer, check, state] of [
    ['a partition without an owner', inAllPartitions({ owner: null }), 'owners', 'fail'],
    ['a stage without a replica', { ...WELL, stages: [{ ...WELL.stages[0]!, replicas: [] }] }, 'owners', 'fail'],
    [
      'a replica without an answer',
      { ...WELL, stages: [{ ...WELL.stages[0]!, silent: [{ node: 'a', reason: 'late' }] }] },
      'owners',
      'fail',
    ],
    [
      'a service that nobody runs',
      { ...WELL, services: { ...WELL.services, 'model-registry': [] } },
      'services',
      'fail',
    ],
    ['much that waits', inAllPartitions({ lag: 501 }), 'lag', 'warn'],
    ['a read side that is behind', inAllPartitions({ readSide: { shown: 1, end: 1_000 } }), 'read side', 'warn'],
    ['a read side that nobody hears of', inAllPartitions({ readSide: null }), 'read side', 'fail'],
    ['a clock that is off', { ...WELL, clocks: [{ node: 'a', aheadMs: -6_000 }] }, 'node clocks', 'warn'],
    ['a clock that is not heard of', { ...WELL, clocks: [{ node: 'a', aheadMs: null }] }, 'node clocks', 'warn'],
  ] satisfies [string, ClusterAnswer, string, string][]) {
    it(`finds ${what}`, () => {
      const bad = clusterFindings(answer, true).filter((finding) => finding.state !== 'ok');
      assert.deepEqual([...new Set(bad.map((finding) => `${finding.check} ${finding.state}`))], [`${check} ${state}`]);
    });
  }

  it('says how many replicas each stage has', () => {
    const replicas = clusterFindings(WELL, true).find(({ check }) => check === 'replicas');
    assert.equal(replicas?.message, 'window 2, scorer 2, alerting 1');
  });

  it('says that it has not seen NATS and Redis, where there must be some', () => {
    const unseen = clusterFindings(WELL, false).filter(({ state }) => state !== 'ok');
    assert.deepEqual(
      unseen.map(({ check, state }) => `${check} ${state}`),
      ['storage warn'],
    );
    assert.match(unseen[0]!.message, /set NATS_URL and REDIS_URL/);
    const alone = { ...WELL, clocks: [{ node: 'a', aheadMs: 0 }] };
    assert.ok(clusterFindings(alone, false).every(({ state }) => state === 'ok'));
  });
});
