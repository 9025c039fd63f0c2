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
import { setTimeout as sleep } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { build } from 'hdr-histogram-js';
import { RedshankProcess } from '../test/support/redshank-process.js';
import { until } from '../test/support/until.js';
import type { Report } from './measurement.js';
import { cpuSeconds } from './process-cpu.js';

const BATCH = 100;
const DEVICES = 500;
const CONNECTIONS = 4;
const CLOSED_SEC = 15;
const OPEN_SEC = 15;
const OPEN_POSTS_A_SECOND = 20;

export async function pipelineBenchmark(report: Report): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'redshank-bench-'));
  const redshank = await RedshankProcess.start({ dataDir });
  try {
    await measureThroughput(redshank, report);
    await measureLatency(redshank, report);
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

async function measureLatency(redshank: RedshankProcess, report: Report): Promise<void> {
  const histogram = build({ numberOfSignificantValueDigits: 3 });
  const sentMs = new Map<number, number>();
  const viewer = new AbortController();
  const watching = watch(redshank.url, viewer.signal, (ts) => {
    const sent = sentMs.get(ts);
    if (sent === undefined) return;
    histogram.recordValue(Math.max(1, Math.round((performance.now() - sent) * 1_000)));
    sentMs.delete(ts);
  });
  await sleep(500);

  const posts: Promise<unknown>[] = [];
  const startMs = performance.now();
  for (let k = 0; k < OPEN_SEC * OPEN_POSTS_A_SECOND; k++) {
    const dueMs = startMs + (k * 1_000) / OPEN_POSTS_A_SECOND;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    const ts = Date.now();
    // The first reading of each post is watched; its time stamp names it. Measured from when the post was due.
    const readings = Array.from({ length: BATCH }, (_, i) => ({
      device: `open-${(k * BATCH + i) % DEVICES}`,
      ts: i === 0 ? ts : ts - 1,
      values: { temp: 20 + Math.sin(k / 10), vib: 0.3, pressure: 2 },
    }));
    sentMs.set(ts, dueMs);
    posts.push(post(redshank.url, JSON.stringify({ readings })));
  }
  await Promise.all(posts);
  await until('the last live score', () => sentMs.size < 3, 10_000).catch(() => undefined);
  viewer.abort();
  await watching;
  const ms = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1_000;
  const rate = `${OPEN_POSTS_A_SECOND * BATCH} readings/s`;
  report({ name: `pipeline: post to score, p50 at ${rate}`, value: ms(50), unit: 'ms' });
  report({ name: `pipeline: post to score, p99 at ${rate}`, value: ms(99), unit: 'ms' });
}

function reading(n: number, baseMs: number) {
  const step = Math.floor(n / DEVICES);
  return {
    device: `bench-${n % DEVICES}`,
    ts: baseMs + step * 1_000,
    values: { temp: 20 + Math.sin(step / 50) + (n % 7) / 50, vib: 0.3 + (n % 11) / 100, pressure: 2 + (n % 13) / 100 },
  };
}

async function post(url: string, body: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/v1/readings`, {
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

async function scored(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/redshank_readings_total\{outcome="scored"\} (\d+)/.exec(text)?.[1] ?? 0);
}

async function watch(url: string, signal: AbortSignal, seen: (ts: number) => void): Promise<void> {
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event !== 'score') return;
      const told = JSON.parse(data) as { ts: string } | { rows: { ts: string }[] };
      for (const row of 'rows' in told ? told.rows : [told]) seen(Date.parse(row.ts));
    },
  });
  try {
    const answer = await fetch(`${url}/v1/events`, { signal });
    const decoder = new TextDecoder();
    for await (const chunk of answer.body!) parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
