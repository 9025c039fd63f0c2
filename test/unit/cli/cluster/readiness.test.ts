import assert from 'node:assert/strict';
import type { ClusterAnswer } from '../../../../cli/cluster/cluster-answer.js';
import { clusterParts } from '../../../../cli/cluster/cluster-parts.js';
import { whatIsMissing } from '../../../../cli/cluster/readiness.js';
import { clusterOf } from './sample-cluster.js';

const PARTS = clusterParts({ ingests: 2, windows: 2, scorers: 3, alertings: 1 });

describe('a local cluster', () => {
  it('has a process for each replica, numbered where there are several', () => {
    assert.deepEqual(
      PARTS.map(({ name }) => name),
      [
        'model-registry',
        'window-1',
        'window-2',
        'scorer-1',
        'scorer-2',
        'scorer-3',
        'alerting',
        'ingest-1',
        'ingest-2',
        'gateway',
      ],
    );
  });

  it('is ready when all are seen and each partition has an owner', () => {
    assert.equal(whatIsMissing(clusterOf(PARTS), PARTS), undefined);
  });

  for (const [what, change, note] of [
    [
      'a process is not seen',
      { services: { ...clusterOf(PARTS).services, ingest: ['ingest-1'] } },
      'ingest: 1 of 2 seen',
    ],
    [
      'a partition has no owner',
      { stages: clusterOf(PARTS, (owner, p) => (p === 3 ? null : owner)).stages },
      'window: 7 of 8 partitions',
    ],
    [
      'partitions are not dealt out',
      { stages: clusterOf(PARTS, (owner) => owner.replace(/\d/, '1')).stages },
      'window: dealing out 8 partitions',
    ],
    [
      'a replica is silent',
      { stages: clusterOf(PARTS, undefined, [{ node: 'x', reason: 'gone' }]).stages },
      'window: 1 without an answer',
    ],
  ] satisfies [string, Partial<ClusterAnswer>, string][]) {
    it(`is not ready while ${what}`, () => {
      assert.equal(whatIsMissing({ ...clusterOf(PARTS), ...change }, PARTS)?.note, note);
    });
  }
});
