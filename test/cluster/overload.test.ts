/**
 * Twice the load that the cluster can carry: what is too much is refused, and no process grows. `OVERLOAD_SEC` says how long
 * (`npm run test:chaos`: a minute).
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, type PartOptions } from '../support/cluster.js';
import { needsNatsServer } from '../support/nats-server.js';
import { needsRedis } from '../support/redis-server.js';
import { until } from '../support/until.js';

const OVERLOAD_SEC = Number(process.env.OVERLOAD_SEC ?? 12);
const CLOSED_SEC = 5;
const BATCH = 200;
const DEVICES = 400;
const SAMPLE_EVERY_MS = 250;
const MOST_WAITING = 50;
/** What was on its way when the limit was seen to be reached: lag is told once a second. */
const MOST_WAITING_SEEN = 3 * MOST_WAITING;
/** Of a process that has reached its working size, from the middle third to the last. */
const GROWTH = 1.35;
/** The garbage of V8 comes and goes in steps of tens of MB. */
const SLACK_MB = 80;

const PARTS: readonly PartOptions[] = [
  { name: 'gateway', services: ['gateway'] },
  { name: 'ingest', services: ['ingest', 'model-registry'] },
  { name: 'window', services: ['window'] },
  { name: 'scorer', services: ['scorer'] },
  { name: 'alerting', services: ['alerting'] },
];

describe('cluster at twice the load that it carries', function () {
  this.timeout(180_000 + OVERLOAD_SEC * 4_000);
  let cluster: Cluster;
  let sequence = 0;

  before(function () {
    needsNatsServer(this);
  });
  needsRedis(this);
  before(async () => {
    cluster = await Cluster.start({ parts: PARTS, config: `performance:\n  max_queue_size: ${MOST_WAITING}` });
    await cluster.settled();
  });
  afterEach(function () {
    if (this.currentTest?.isFailed() === true) console.log(cluster.report());
  });
  after(() => cluster.stop());

  const broken = new Map<string, number>();

  /** The status; 0 when the connection broke, for a reason that `broken` counts. */
  async function post(): Promise<number> {
    const first = sequence++ * BATCH;
    const readings = Array.from({ length: BATCH }, (_, i) => {
      const step = Math.floor((first + i) / DEVICES);
      return {
        device: `d-${(first + i) % DEVICES}`,
        ts: Date.UTC(2026, 0, 1) + step * 1_000,
        values: { temp: 20 + Math.sin(step / 50), vib: 0.3 + (step % 11) / 100, pressure: 2 },
      };
    });
    try {
      const answer = await fetch(`${cluster.url}/v1/readings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ readings }),
        signal: AbortSignal.timeout(35_000),
      });
      await answer.body?.cancel();
      return answer.status;
    } catch (error) {
      const reason = String((error as Error).cause ?? error);
      broken.set(reason, (broken.get(reason) ?? 0) + 1);
      return 0;
    }
  }

  const processes = (): (readonly [name: string, pid: number])[] => [
    ...cluster.parts().map(({ options, pid }) => [options.name, pid] as const),
    ['nats-server', cluster.nats.pid] as const,
  ];

  it('refuses what is too much, and every process stays as large as it is', async () => {
    const capacity = await carried();
    const samples = new Map<string, number[]>(processes().map(([name]) => [name, []]));
    const sampler = setInterval(() => {
      for (const [name, pid] of processes()) samples.get(name)!.push(residentMb(pid));
    }, SAMPLE_EVERY_MS);
    let longestQueue = 0;
    const queueSampler = setInterval(() => {
      // Whoever has no time to answer now is asked again.
      mostWaiting().then(
        (waiting) => (longestQueue = Math.max(longestQueue, waiting)),
        () => undefined,
      );
    }, SAMPLE_EVERY_MS);
    const statuses: Record<number, number> = {};
    const open = new Set<Promise<unknown>>();
    const pauseMs = (BATCH * 1_000) / (2 * capacity);
    const startMs = performance.now();
    for (let k = 0; performance.now() - startMs < OVERLOAD_SEC * 1_000; k++) {
      const waitMs = startMs + k * pauseMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      const posted: Promise<unknown> = post().then((status) => {
        statuses[status] = (statuses[status] ?? 0) + 1;
        open.delete(posted);
      });
      open.add(posted);
    }
    await Promise.all(open);
    clearInterval(sampler);
    clearInterval(queueSampler);
    console.log(
      `    carried ${Math.round(capacity)} readings/s; at twice that: ${JSON.stringify(statuses)} ${JSON.stringify([...broken])}`,
    );
    const grown: string[] = [];
    for (const [name, sizes] of samples) {
      const third = Math.floor(sizes.length / 3);
      const [middle, end] = [Math.max(...sizes.slice(third, 2 * third)), Math.max(...sizes.slice(2 * third))];
      console.log(`    ${name}: ${Math.round(middle)} MB in the middle third, ${Math.round(end)} MB in the last`);
      if (end > middle * GROWTH + SLACK_MB) grown.push(`${name} grew from ${middle} to ${end} MB`);
    }
    console.log(`    longest queue of a partition: ${longestQueue} chunks, limit ${MOST_WAITING}`);
    assert.ok(longestQueue > 0 && longestQueue <= MOST_WAITING_SEEN, `longest queue ${longestQueue}`);
    assert.ok(statuses[503]! > 0, 'nothing was refused');
    assert.deepEqual(grown, []);
    assert.deepEqual(cluster.surprises(), []);
    await cluster.settled(120_000, 0);
    await until('a 202 again', async () => (await post()) === 202, 30_000);
  });

  async function mostWaiting(): Promise<number> {
    const { stages } = await cluster.view();
    return Math.max(...stages.flatMap(({ partitions }) => partitions.map(({ lag }) => lag ?? 0)));
  }

  /** Readings a second of many clients that wait for their answers: more than that the cluster takes, but does not carry. */
  async function carried(): Promise<number> {
    let acknowledged = 0;
    const startMs = performance.now();
    const endMs = startMs + CLOSED_SEC * 1_000;
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        while (performance.now() < endMs) if ((await post()) === 202) acknowledged += BATCH;
      }),
    );
    const perSecond = acknowledged / ((performance.now() - startMs) / 1_000);
    await cluster.settled(120_000, 0);
    return perSecond;
  }
});

function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024;
}
