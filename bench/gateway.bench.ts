/**
 * What the front door costs beside bare frameworks that parse and check the same body and keep nothing: readings in a CPU-second of
 * the process that serves HTTP. The gateway of a cluster answers when the readings are in the log; its CPU is all that it needs for
 * that. All take turns, so that a noisy machine is noisy to all; of the ratios of the turns the median counts.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from '../test/support/cluster.js';
import { compiled } from '../test/support/compiled.js';
import { until } from '../test/support/until.js';
import type { Report } from './measurement.js';
import { cpuSeconds } from './process-cpu.js';

const TURNS = 9;
const TURN_MS = 2_000;
const WARM_MS = 4_000;
const DEVICES = 500;
const POSTS_A_SECOND: Readonly<Record<number, number>> = { 100: 80, 1: 6_000 };

interface Contender {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

export async function gatewayBenchmark(report: Report): Promise<void> {
  const children: ChildProcess[] = [];
  const bare = async (name: string, script: string): Promise<Contender> => {
    const child = spawn(process.execPath, compiled(script), { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    return { name, url: line.toString().trim(), pid: child.pid! };
  };
  const rest = ['ingest', 'model-registry', 'window', 'scorer', 'alerting'] as const;
  const cluster = await Cluster.start({
    parts: [
      { name: 'gateway', services: ['gateway'] },
      { name: 'rest', services: rest },
    ],
    partitions: 8,
    env: { LOG_LEVEL: 'warn' },
  });
  try {
    await cluster.settled();
    const gateway = { name: 'Redshank', url: cluster.url, pid: cluster.part('gateway').pid };
    const fastify = await bare('Fastify', 'bench/bare-fastify.ts');
    const moleculerWeb = await bare('moleculer-web', 'bench/bare-moleculer-web.ts');
    for (const [batch, connections, words, ofFastify, ofMoleculer] of [
      [100, 4, 'batches of 100', 0.5, 1],
      [1, 64, 'single readings', 0.4, undefined],
    ] as const) {
      const all = [gateway, fastify, moleculerWeb];
      for (const contender of all) await load(contender, batch, connections, WARM_MS);
      await drained(cluster);
      const turns: Record<string, number>[] = [];
      for (let turn = 0; turn < TURNS; turn++) {
        const figures: Record<string, number> = {};
        for (const contender of turn % 2 === 0 ? all : [...all].reverse()) {
          figures[contender.name] = await load(contender, batch, connections, TURN_MS);
          // Else the next turn would be told that too much waits.
          if (contender === gateway) await drained(cluster);
        }
        turns.push(figures);
      }
      for (const { name } of all) {
        const value = median(turns.map((turn) => turn[name]!));
        report({ name: `gateway: ${name}, ${words}`, value, unit: 'readings/CPU-s' });
      }
      const ratio = (other: string): number => median(turns.map((turn) => turn['Redshank']! / turn[other]!));
      report({ name: `gateway: of Fastify, ${words}`, value: ratio('Fastify'), unit: '×', target: ofFastify });
      report({
        name: `gateway: of moleculer-web, ${words}`,
        value: ratio('moleculer-web'),
        unit: '×',
        ...(ofMoleculer !== undefined && { target: ofMoleculer }),
      });
    }
  } finally {
    for (const child of children) child.kill();
    await cluster.stop();
  }
}

async function drained(cluster: Cluster): Promise<void> {
  await until('what was posted to be scored', async () => {
    const { stages } = await cluster.view();
    return stages.every(({ partitions }) => partitions.every(({ lag }) => lag === 0));
  });
}

/** Posts on all connections for a while. @returns readings in a CPU-second of the server */
async function load({ url, pid }: Contender, batch: number, connections: number, forMs: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const startMs = performance.now();
  const untilMs = startMs + forMs;
  let sent = 0;
  const cpuBefore = cpuSeconds(pid);
  let taken = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (;;) {
        // All at one rate, below what the stages behind the gateway can take on this machine: else it would mostly say that too
        // much waits.
        const dueMs = startMs + (sent++ * 1_000) / POSTS_A_SECOND[batch]!;
        if (dueMs >= untilMs) return;
        const waitMs = dueMs - performance.now();
        if (waitMs > 1) await sleep(waitMs);
        if (performance.now() >= untilMs) return;
        const isTaken = await post(agent, url, bodyOf(batch));
        if (isTaken) taken += batch;
      }
    }),
  );
  agent.destroy();
  return taken / Math.max(0.01, cpuSeconds(pid) - cpuBefore);
}

let posted = 0;
const beganMs = Date.now();

function bodyOf(batch: number): string {
  const readings = Array.from({ length: batch }, () => {
    const n = posted++;
    return {
      device: `pump-${n % DEVICES}`,
      ts: beganMs + Math.floor(n / DEVICES) * 10,
      values: { temp: 20 + (n % 7) / 10, vib: 0.3, pressure: 2 },
    };
  });
  return JSON.stringify({ readings });
}

/** @returns whether the readings were taken; false: the server said that it is too busy */
function post(agent: Agent, url: string, body: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const asked = httpRequest(`${url}/v1/readings`, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 202 || response.statusCode === 200) resolve(true);
        else if (response.statusCode === 503) setTimeout(() => resolve(false), 200);
        else reject(new Error(`post was answered ${response.statusCode}`));
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
