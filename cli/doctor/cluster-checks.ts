/** Checks of who runs what, by what the gateway hears from all replicas. Embedded it is one replica that runs everything. */
import type { ApiClient } from '../client.js';
import { mostLag, stageProblems, type ClusterAnswer } from '../cluster/cluster-answer.js';
import { fail, messageOf, ok, warn, type Finding } from './check.js';
import { CLOCK_WARN_MS } from './server-checks.js';

/** Chunks. Half of what closes the door by default (`performance.max_queue_size`). */
const LAG_WARN = 500;
const STORAGE_UNSEEN =
  'this is a cluster, but its NATS and Redis were not looked at: set NATS_URL and REDIS_URL for this command as its processes have them';
/** Stages whose results people see. */
const SHOWN_STAGES: readonly string[] = ['scorer', 'alerting'];
/** Chunks: seconds of results. */
const UNSHOWN_WARN = 200;

/** @param seesStorage whether NATS and Redis are checked too, where there are any. */
export async function checkCluster(client: ApiClient, seesStorage: boolean): Promise<readonly Finding[]> {
  try {
    return clusterFindings(await client.get<ClusterAnswer>('/v1/cluster'), seesStorage);
  } catch (error) {
    return [fail('owners', messageOf(error))];
  }
}

export function clusterFindings({ services, clocks, stages }: ClusterAnswer, seesStorage: boolean): readonly Finding[] {
  const absent = Object.entries(services).filter(([, nodes]) => nodes.length === 0);
  const problems = stages.flatMap(stageProblems);
  const partitions = stages.reduce((sum, stage) => sum + stage.partitions.length, 0);
  return [
    ...absent.map(([name]) => fail('services', `nobody runs ${name}: start a process with SERVICES=${name}`)),
    ...(problems.length === 0
      ? [ok('owners', `each of ${partitions} partitions of ${stages.length} stages is run by a live replica`)]
      : problems.map((problem) => fail('owners', problem))),
    ok('replicas', stages.map(({ stage, replicas }) => `${stage} ${replicas.length}`).join(', ')),
    lagFinding(stages),
    readSideFinding(stages),
    ...clockFindings(clocks),
    ...(seesStorage || clocks.length < 2 ? [] : [warn('storage', STORAGE_UNSEEN)]),
  ];
}

function lagFinding(stages: ClusterAnswer['stages']): Finding {
  const [worst] = [...stages].sort((a, b) => mostLag(b) - mostLag(a));
  const lag = worst === undefined ? 0 : mostLag(worst);
  if (worst === undefined || lag < LAG_WARN) return ok('lag', `at most ${lag} chunks wait in a partition`);
  return warn('lag', `${lag} chunks wait in a partition of ${worst.stage}: add replicas of it, or send less`);
}

function readSideFinding(stages: ClusterAnswer['stages']): Finding {
  const unknown = stages
    .filter(({ stage }) => SHOWN_STAGES.includes(stage))
    .flatMap(({ partitions }) => partitions.filter(({ owner, readSide }) => owner !== null && readSide === null));
  if (unknown.length > 0) {
    return fail(
      'read side',
      `of ${unknown.length} partitions nobody knows what people see: is Redis away? (REDIS_URL)`,
    );
  }
  const unshown = Math.max(
    0,
    ...stages.flatMap(({ partitions }) =>
      partitions.map(({ readSide }) => (readSide === null ? 0 : readSide.end - readSide.shown)),
    ),
  );
  if (unshown < UNSHOWN_WARN) return ok('read side', 'people see what is committed');
  return warn(
    'read side',
    `${unshown} chunks of a partition are committed, but not shown yet: it is being filled, or away`,
  );
}

function clockFindings(clocks: ClusterAnswer['clocks']): readonly Finding[] {
  const off = clocks.filter(({ aheadMs }) => aheadMs === null || Math.abs(aheadMs) > CLOCK_WARN_MS);
  if (off.length === 0) {
    const most = Math.max(0, ...clocks.map(({ aheadMs }) => Math.abs(aheadMs ?? 0)));
    return [ok('node clocks', `the clocks of ${clocks.length} node(s) are within ${most} ms of the gateway's`)];
  }
  return off.map(({ node, aheadMs }) =>
    aheadMs === null
      ? warn('node clocks', `${node} did not answer a ping`)
      : warn(
          'node clocks',
          `${node} is ${Math.round(Math.abs(aheadMs) / 1_000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the gateway: set both by NTP`,
        ),
  );
}
