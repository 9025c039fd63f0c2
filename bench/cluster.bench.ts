/**
 * What a cluster costs: the same closed loop (batches of 100 readings of 3 channels, 4 connections, until all are scored) on one
 * embedded process, and on one process a service over NATS and Redis with 1, 2 and 3 scorers, all on this machine.
 *
 * CPU is that of all processes of Redshank, and of the two servers, for a million readings. Of several rounds the fastest counts:
 * what else a machine does can only slow it down. The fence is compared in two clusters that take turns, by the median of the
 * ratios of their turns, so that a noisy machine is noisy to both.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceName } from '../models/settings.js';
import { Cluster, type PartOptions } from '../test/support/cluster.js';
import { compiled } from '../test/support/compiled.js';
import { RedshankProcess } from '../test/support/redshank-process.js';
import { until } from '../test/support/until.js';
import type { Report } from './measurement.js';
import { cpuSeconds } from './process-cpu.js';

const BATCH = 100;
const DEVICES = 500;
const CONNECTIONS = 4;
const WARM_POSTS = 100;
const ROUNDS = 4;
const ROUND_SEC = 5;
const FENCE_ROUNDS = 15;
const FENCE_ROUND_SEC = 4;
/** What the fence may cost, as a share of the readings a second. */
const FENCE_TARGET = 0.95;

/** Something that takes readings and scores them. */
interface System {
  readonly url: string;
  /** Readings scored since it started. */
  scored(): Promise<number>;
  /** CPU-seconds used so far, by Redshank and by the servers. */
  cpu(): { readonly redshank: number; readonly servers: number };
}

interface Measured {
  readonly perSecond: number;
  readonly redshankCpu: number;
  readonly serversCpu: number;
}

export async function clusterBenchmark(report: Report): Promise<void> {
  tell(report, 'embedded', await embedded());
  for (const scorers of [1, 2, 3]) {
    const name = scorers === 1 ? '1 scorer' : `${scorers} scorers`;
    tell(report, name, await clustered(parts(scorers), (system) => new Client(system).best()));
  }
  await compareFence(report);
}

function tell(report: Report, name: string, { perSecond, redshankCpu, serversCpu }: Measured): void {
  report({ name: `cluster: ${name}, HTTP to committed score`, value: perSecond, unit: 'readings/s' });
  report({ name: `cluster: ${name}, CPU a million, Redshank`, value: redshankCpu, unit: 's' });
  if (serversCpu === 0) return;
  report({ name: `cluster: ${name}, CPU a million, NATS and Redis`, value: serversCpu, unit: 's' });
  report({ name: `cluster: ${name}, CPU a million, together`, value: redshankCpu + serversCpu, unit: 's' });
}

async function embedded(): Promise<Measured> {
  const dataDir = await mkdtemp(join(tmpdir(), 'redshank-bench-'));
  const redshank = await RedshankProcess.start({ dataDir });
  try {
    const system: System = {
      url: redshank.url,
      scored: async () => scoredIn(await (await fetch(`${redshank.url}/metrics`)).text()),
      cpu: () => ({ redshank: cpuSeconds(redshank.child.pid!), servers: 0 }),
    };
    return await new Client(system).best();
  } finally {
    await redshank.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

function parts(scorers: number, script?: string): PartOptions[] {
  const others: readonly ServiceName[] = ['gateway', 'ingest', 'model-registry', 'window', 'alerting'];
  const args = script === undefined ? {} : { arguments: compiled(script) };
  return [
    ...others.map((name): PartOptions => ({ name, services: [name], ...args })),
    ...Array.from({ length: scorers }, (_, i): PartOptions => ({
      name: `scorer-${i + 1}`,
      services: ['scorer'],
      ...args,
    })),
  ];
}

async function clustered<T>(options: readonly PartOptions[], measure: (system: System) => Promise<T>): Promise<T> {
  const cluster = await startCluster(options);
  try {
    return await measure(systemOf(cluster));
  } finally {
    await cluster.stop();
  }
}

async function startCluster(options: readonly PartOptions[]): Promise<Cluster> {
  const cluster = await Cluster.start({ parts: options, partitions: 32, env: { LOG_LEVEL: 'warn' } });
  await cluster.settled();
  return cluster;
}

function systemOf(cluster: Cluster): System {
  const redisPid = Number(/process_id:(\d+)/.exec(cluster.redis.cli('INFO', 'server'))![1]);
  return {
    url: cluster.url,
    scored: async () => {
      const texts = await Promise.all(cluster.parts('scorer').map((part) => part.metrics()));
      return texts.reduce((sum, text) => sum + scoredIn(text), 0);
    },
    cpu: () => ({
      redshank: cluster.parts().reduce((sum, { pid }) => sum + cpuSeconds(pid), 0),
      servers: cpuSeconds(cluster.nats.pid) + cpuSeconds(redisPid),
    }),
  };
}

async function compareFence(report: Report): Promise<void> {
  const fenced = await startCluster(parts(1, 'bench/fenced-member.ts'));
  try {
    const open = await startCluster(parts(1, 'bench/unfenced-member.ts'));
    try {
      const clients = [new Client(systemOf(fenced)), new Client(systemOf(open))] as const;
      const rates: [number[], number[]] = [[], []];
      for (let round = 0; round < FENCE_ROUNDS; round++) {
        // Who begins changes, so that a machine that slows down slows down both.
        const order = round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
        for (const side of order) {
          const { perSecond } = await clients[side].measure(FENCE_ROUND_SEC, round === 0 ? WARM_POSTS : 0);
          rates[side].push(perSecond);
        }
      }
      const ratios = rates[0].map((on, round) => on / rates[1][round]!);
      report({ name: 'cluster: fence on', value: median(rates[0]), unit: 'readings/s' });
      report({ name: 'cluster: fence off', value: median(rates[1]), unit: 'readings/s' });
      report({ name: 'cluster: fence on against off', value: median(ratios), unit: 'ratio', target: FENCE_TARGET });
    } finally {
      await open.stop();
    }
  } finally {
    await fenced.stop();
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

class Client {
  readonly #system: System;
  readonly #baseMs = Date.now() - 86_400_000;
  #sequence = 0;

  constructor(system: System) {
    this.#system = system;
  }

  async best(): Promise<Measured> {
    let best = await this.measure(ROUND_SEC, WARM_POSTS);
    for (let round = 1; round < ROUNDS; round++) {
      const next = await this.measure(ROUND_SEC, 0);
      if (next.perSecond > best.perSecond) best = next;
    }
    return best;
  }

  /** @param warmPosts first: compiled code, and detectors past their first frames. */
  async measure(seconds: number, warmPosts: number): Promise<Measured> {
    for (let i = 0; i < warmPosts; i++) await this.#post();
    await this.#allScored();
    const cpuBefore = this.#system.cpu();
    const before = this.#sequence;
    const startMs = performance.now();
    const endMs = startMs + seconds * 1_000;
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async () => {
        while (performance.now() < endMs) await this.#post();
      }),
    );
    await this.#allScored();
    const tookSec = (performance.now() - startMs) / 1_000;
    const readings = (this.#sequence - before) * BATCH;
    const cpu = this.#system.cpu();
    const perMillion = (sec: number): number => (sec / readings) * 1e6;
    return {
      perSecond: readings / tookSec,
      redshankCpu: perMillion(cpu.redshank - cpuBefore.redshank),
      serversCpu: perMillion(cpu.servers - cpuBefore.servers),
    };
  }

  async #allScored(): Promise<void> {
    const wanted = this.#sequence * BATCH;
    await until(
      'all scores',
      async () => {
        if ((await this.#system.scored()) >= wanted) return true;
        await sleep(50);
        return false;
      },
      120_000,
    );
  }

  async #post(): Promise<void> {
    const first = this.#sequence++ * BATCH;
    const readings = Array.from({ length: BATCH }, (_, i) => reading(first + i, this.#baseMs));
    const body = JSON.stringify({ readings });
    for (;;) {
      const answer = await fetch(`${this.#system.url}/v1/readings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      const text = await answer.text();
      if (answer.status === 202) return;
      if (answer.status !== 503) throw new Error(`post was answered ${answer.status}: ${text}`);
      await sleep(Number(answer.headers.get('retry-after') ?? 1) * 1_000);
    }
  }
}

function reading(n: number, baseMs: number) {
  const step = Math.floor(n / DEVICES);
  return {
    device: `bench-${n % DEVICES}`,
    ts: baseMs + step * 1_000,
    values: { temp: 20 + Math.sin(step / 50) + (n % 7) / 50, vib: 0.3 + (n % 11) / 100, pressure: 2 + (n % 13) / 100 },
  };
}

function scoredIn(metrics: string): number {
  return Number(/redshank_readings_total\{outcome="scored"\} (\d+)/.exec(metrics)?.[1] ?? 0);
}
