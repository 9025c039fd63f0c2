/**
 * From HTTP to the committed score, embedded: one process with durable storage, posted to from another.
 *
 * 1. Closed loop, batches of 100 readings of 3 channels, 4 connections: readings a second and CPU-seconds a million.
 * 2. Open loop at a fixed rate: from the start of a post to the score's arrival at a live viewer, p50 and p99. Open loop means
 *    that a slow answer does not slow the posting down, so waiting is not hidden (coordinated omission).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedshankProcess } from '../test/support/redshank-process.js';
import { until } from '../test/support/until.js';
import type { Report } from './measurement.js';
import { OPEN_LOOP_RATE, openLoopLatency, post } from './open-loop.js';
import { cpuSeconds } from './process-cpu.js';

const BATCH = 100;
const DEVICES = 500;
const CONNECTIONS = 4;
const CLOSED_SEC = 15;

export async function pipelineBenchmark(report: Report): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'redshank-bench-'));
  const redshank = await RedshankProcess.start({ dataDir });
  try {
    await measureThroughput(redshank, report);
    const { p50Ms, p99Ms } = await openLoopLatency(redshank.url);
    report({ name: `pipeline: post to score, p50 at ${OPEN_LOOP_RATE} readings/s`, value: p50Ms, unit: 'ms' });
    report({ name: `pipeline: post to score, p99 at ${OPEN_LOOP_RATE} readings/s`, value: p99Ms, unit: 'ms' });
  } finally {
    await redshank.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function measureThroughput(redshank: RedshankProcess, report: Report): Promise<void> {
  let sequence = 0;
  const baseMs = Date.now() - 86_400_000;
  const body = (): string => {
    const first = sequence++ * BATCH;
    return JSON.stringify({ readings: Array.from({ length: BATCH }, (_, i) => reading(first + i, baseMs)) });
  };
  // Warm: compiled code, and detectors past their first frames.
  for (let i = 0; i < 50; i++) await post(redshank.url, body());

  const cpuBefore = cpuSeconds(redshank.child.pid!);
  const startMs = performance.now();
  const before = sequence;
  const endMs = startMs + CLOSED_SEC * 1_000;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (performance.now() < endMs) await post(redshank.url, body());
    }),
  );
  await until('all scores', async () => (await scored(redshank.url)) >= sequence * BATCH, 120_000);
  const seconds = (performance.now() - startMs) / 1_000;
  const readings = (sequence - before) * BATCH;
  const cpu = cpuSeconds(redshank.child.pid!) - cpuBefore;
  report({ name: 'pipeline: HTTP to committed score', value: readings / seconds, unit: 'readings/s' });
  report({ name: 'pipeline: CPU a million readings', value: (cpu / readings) * 1e6, unit: 's' });
}

function reading(n: number, baseMs: number) {
  const step = Math.floor(n / DEVICES);
  return {
    device: `bench-${n % DEVICES}`,
    ts: baseMs + step * 1_000,
    values: { temp: 20 + Math.sin(step / 50) + (n % 7) / 50, vib: 0.3 + (n % 11) / 100, pressure: 2 + (n % 13) / 100 },
  };
}

async function scored(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/redshank_readings_total\{outcome="scored"\} (\d+)/.exec(text)?.[1] ?? 0);
}
