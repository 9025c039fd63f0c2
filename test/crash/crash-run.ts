/** Posts a workload to a Redshank that is killed meanwhile, and reads the scores from what is left on disk. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_TENANT } from '../../models/domain/identity.js';
import { OutcomeCode } from '../../models/domain/outcome.js';
import { ScoreBatch } from '../../models/domain/score-batch.js';
import { SeededRandom } from '../../models/simulator/random.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import { freePort } from '../support/free-port.js';
import { RedshankProcess, type ProcessOptions } from '../support/redshank-process.js';
import { until } from '../support/until.js';
import type { PostedReading } from './workload.js';

/** A kill comes within this many ms of the start of a post, so that it can hit every step of the way. */
const KILL_WITHIN_MS = 40;
const POST_TIMEOUT_MS = 15_000;
const PAGE = 10_000;

export interface CrashRun {
  readonly acknowledged: Map<string, number[]>;
  /** Times of scored readings, in the order of their scores. */
  readonly scored: Map<string, number[]>;
  /** Hash of all that was said of each device's scored readings, bit for bit. */
  readonly digests: Map<string, string>;
}

export interface CrashPlan {
  readonly dataDir: string;
  readonly batches: readonly (readonly PostedReading[])[];
  readonly kills: number;
  readonly seed: number;
  readonly process?: Partial<ProcessOptions>;
  /** Every third time as an operator does it, and each next life is stopped at once: that must lose nothing either. */
  readonly withStops?: boolean;
  /** Do not wait for what will never come: for the control, in which readings get lost. */
  readonly expectsLoss?: boolean;
}

export async function crashRun(plan: CrashPlan): Promise<CrashRun> {
  const port = await freePort();
  const random = new SeededRandom(plan.seed);
  const start = () => RedshankProcess.start({ dataDir: plan.dataDir, port, ...plan.process });
  const killAt = new Set<number>();
  while (killAt.size < plan.kills) killAt.add(Math.floor(random.uniform() * plan.batches.length));

  let redshank = await start();
  let restarted: Promise<void> = Promise.resolve();
  let deaths = 0;
  const killSoon = async (): Promise<void> => {
    await sleep(random.uniform() * KILL_WITHIN_MS);
    if (plan.withStops === true && ++deaths % 3 === 0) await redshank.stop();
    else await redshank.kill();
    redshank = await start();
    if (plan.withStops === true) {
      await redshank.stop();
      redshank = await start();
    }
  };

  const acknowledged = new Map<string, number[]>();
  try {
    for (const [index, batch] of plan.batches.entries()) {
      if (killAt.has(index)) restarted = killSoon();
      await postUntilAcknowledged(redshank.url, batch, `${plan.seed}-${index}`, () => restarted);
      for (const { device, ts } of batch) {
        const times = acknowledged.get(device);
        if (times === undefined) acknowledged.set(device, [ts]);
        else times.push(ts);
      }
      await restarted;
    }
    const total = plan.batches.reduce((sum, batch) => sum + batch.length, 0);
    if (plan.expectsLoss === true) await untilQuiet(redshank.url);
    else await until('all scores', async () => (await scoredCount(redshank.url)) >= total, 120_000);
  } finally {
    await redshank.stop();
  }
  return { acknowledged, ...(await readScores(plan.dataDir, [...acknowledged.keys()])) };
}

async function postUntilAcknowledged(
  url: string,
  readings: readonly PostedReading[],
  key: string,
  restarted: () => Promise<void>,
): Promise<void> {
  const body = JSON.stringify({ readings });
  for (;;) {
    try {
      const answer = await fetch(`${url}/v1/readings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body,
        signal: AbortSignal.timeout(POST_TIMEOUT_MS),
      });
      const text = await answer.text();
      if (answer.status === 202) return;
      if (answer.status !== 503) throw new RangeError(`post was answered ${answer.status}: ${text}`);
    } catch (error) {
      // The connection broke: nothing was promised, so the same batch is sent again.
      if (error instanceof RangeError) throw error;
    }
    await restarted();
    await sleep(5);
  }
}

async function scoredCount(url: string): Promise<number> {
  const answer = await fetch(`${url}/v1/devices?limit=1000`);
  const { devices } = (await answer.json()) as { devices: { outcomes: Record<string, number> }[] };
  return devices.reduce((sum, { outcomes }) => sum + outcomes.scored!, 0);
}

async function untilQuiet(url: string): Promise<void> {
  let before = -1;
  await until(
    'scores to stop coming',
    async () => {
      const now = await scoredCount(url);
      const isQuiet = now === before;
      before = now;
      await sleep(500);
      return isQuiet;
    },
    60_000,
  );
}

async function readScores(dataDir: string, devices: readonly string[]): Promise<Pick<CrashRun, 'scored' | 'digests'>> {
  const storage = await openEmbeddedStorage(dataDir);
  const scored = new Map<string, number[]>();
  const digests = new Map<string, string>();
  try {
    for (const device of devices) {
      const times: number[] = [];
      const all = ScoreBatch.create();
      let cursor: string | undefined;
      do {
        const query = { fromMs: 0, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
        const { batch, next } = await storage.readSide.scores(DEFAULT_TENANT, device, query);
        for (let i = 0; i < batch.length; i++) {
          if (batch.outcome.data[i] !== OutcomeCode.scored) continue;
          times.push(batch.timeMs.data[i]!);
          all.copyFrom(batch, i);
          // Arrival is the one thing that may differ between two runs.
          all.receivedMs.data[all.length - 1] = 0;
        }
        cursor = next;
      } while (cursor !== undefined);
      const bytes = all.encode({ epoch: 0, from: 0, to: 0, timeMs: 0 });
      scored.set(device, times);
      digests.set(device, createHash('sha256').update(bytes).digest('hex'));
    }
  } finally {
    await storage.close();
  }
  return { scored, digests };
}
