/** An owner that has lost its snapshots steps the whole log again, much faster than it was written. */
import assert from 'node:assert/strict';
import pino from 'pino';
import { readCommitMark } from '../../mixins/stage-host/commit-mark.js';
import { readChunkHeader } from '../../models/domain/chunk.js';
import { loadSettings } from '../../models/settings.js';
import { alertingStage } from '../../models/stages/alerting.js';
import { scoringStage } from '../../models/stages/scoring.js';
import type { StageName } from '../../models/stages/stage.js';
import { windowStage } from '../../models/stages/window.js';
import { openClusterStorage } from '../../storage/cluster-storage.js';
import type { Journal } from '../../storage/journal/journal.js';
import type { Storage } from '../../storage/storage.js';
import { Cluster } from '../support/cluster.js';
import { needsNatsServer } from '../support/nats-server.js';
import { needsRedis } from '../support/redis-server.js';
import { Load } from './load.js';
import { until } from '../support/until.js';

const READINGS = Number(process.env.REPLAY_READINGS ?? 10_000);
/**
 * How many times as fast as live a replay must be. Taking over costs the same for a short log, so that only a long one shows it; a
 * short one is looked at for being replayed at all.
 */
const LEAST_RATIO = READINGS >= 50_000 ? 10 : 2;
/** Readings of a fleet of a thousand devices that measure once a second. */
const LIVE_RATE = 1_000;
const STAGES: readonly StageName[] = ['window', 'scorer', 'alerting'];

interface TakeOver {
  readonly time: number;
  readonly stage: string;
  readonly msg: string;
  readonly replayedRecords: number;
  readonly tookMs: number;
}

describe('replay', function () {
  this.timeout(120_000 + READINGS * 5);
  let cluster: Cluster | undefined;

  before(function () {
    needsNatsServer(this);
  });
  needsRedis(this);
  afterEach(async function () {
    if (this.currentTest?.isFailed() === true && cluster !== undefined) console.log(cluster.report());
    await cluster?.stop();
    cluster = undefined;
  });

  it('runs at ten times the live rate', async () => {
    const env = { LOG_LEVEL: 'debug' };
    const one = await Cluster.start({
      parts: [
        { name: 'door', services: ['gateway', 'ingest', 'model-registry'] },
        ...STAGES.map((name) => ({ name, services: [name], env })),
      ],
    });
    cluster = one;
    await one.settled();
    const load = new Load({
      seed: 1,
      url: () => one.url,
      posters: 4,
      devicesEach: 25,
      batch: 100,
      readingsASecond: Infinity,
      answerWithinMs: 35_000,
    });
    const startMs = performance.now();
    load.start();
    await until('readings', () => load.counts.acknowledged >= READINGS, 60_000 + READINGS);
    await load.stop();
    await one.settled(60_000, 0);
    const { acknowledged } = load.counts;
    const carried = (acknowledged * 1_000) / (performance.now() - startMs);
    await withStorage(one, async ({ journal, blobs }) => {
      // Results that are not committed as a position are stepped, too, but are no replay.
      await until('all to be committed', () => isAllCommitted(journal, one.partitions));
      await Promise.all(STAGES.map((stage) => one.part(stage).kill9()));
      for (const name of await blobs.list('snapshots/')) await blobs.delete(name);
    });
    for (const stage of STAGES) {
      // One after the other: each has the machine to itself, as the owner of its own machine has.
      one.part(stage).start();
      await one.part(stage).ready();
      const { records, perSecond } = replayOf(one.part(stage).output);
      const ratios = `${(perSecond / LIVE_RATE).toFixed(1)} × live, ${(perSecond / carried).toFixed(1)} × all that the cluster carries`;
      console.log(`    ${stage}: ${records} records at ${Math.round(perSecond)}/s, ${ratios}`);
      assert.ok(records >= acknowledged, `${records} of ${acknowledged} records`);
      assert.ok(perSecond >= LEAST_RATIO * LIVE_RATE, ratios);
    }
  });
});

/** From the log of a process: what its take-overs replayed, all partitions together, from the first start to the last end. */
function replayOf(output: string): { readonly records: number; readonly perSecond: number } {
  const lines = output.split('\n').flatMap((line): TakeOver[] => {
    if (!line.includes('"took over"')) return [];
    return [JSON.parse(line) as TakeOver];
  });
  const replays = lines.filter(({ replayedRecords }) => replayedRecords > 0);
  const records = replays.reduce((sum, { replayedRecords }) => sum + replayedRecords, 0);
  const startMs = Math.min(...replays.map(({ time, tookMs }) => time - tookMs));
  const endMs = Math.max(...replays.map(({ time }) => time));
  return { records, perSecond: (records * 1_000) / (endMs - startMs) };
}

async function isAllCommitted(journal: Journal, partitions: number): Promise<boolean> {
  for (const { input, output } of [windowStage, scoringStage, alertingStage]) {
    for (let partition = 0; partition < partitions; partition++) {
      const { last } = await journal.state({ topic: input, partition });
      const commit = await journal.lastRecord({ topic: output, partition });
      const mark = commit === undefined ? 0 : readChunkHeader(commit.payload).to;
      if (readCommitMark(mark).position < last) return false;
    }
  }
  return true;
}

async function withStorage(
  { nats, redis, folder, partitions }: Cluster,
  use: (storage: Storage) => Promise<void>,
): Promise<void> {
  const env = { NATS_URL: nats.url, REDIS_URL: redis.url, SERVICES: 'gateway', AUTH: 'off' };
  const file = { path: `${folder}/redshank.yaml`, text: `partitions: ${partitions}` };
  const { storage } = await openClusterStorage(loadSettings({ env, file }), 'test.reader', pino({ level: 'silent' }));
  try {
    await use(storage);
  } finally {
    await storage.close();
  }
}
