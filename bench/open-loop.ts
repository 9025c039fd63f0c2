/** The time from a post to its score, as somebody who watches sees it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { build } from 'hdr-histogram-js';
import { until } from '../test/support/until.js';

const BATCH = 100;
const DEVICES = 500;
const OPEN_SEC = 15;
const OPEN_POSTS_A_SECOND = 20;
export const OPEN_LOOP_RATE = OPEN_POSTS_A_SECOND * BATCH;

export interface OpenLoopLatency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * From when a post was due to the arrival of its first score at a live viewer, at a fixed rate: a slow answer does not slow the posting
 * down, so waiting is not hidden (coordinated omission).
 */
export async function openLoopLatency(url: string): Promise<OpenLoopLatency> {
  const histogram = build({ numberOfSignificantValueDigits: 3 });
  const sentMs = new Map<number, number>();
  const viewer = new AbortController();
  const watching = watch(url, viewer.signal, (ts) => {
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
    posts.push(post(url, JSON.stringify({ readings })));
  }
  await Promise.all(posts);
  await until('the last live score', () => sentMs.size < 3, 10_000).catch(() => undefined);
  viewer.abort();
  await watching;
  const ms = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1_000;
  return { p50Ms: ms(50), p99Ms: ms(99) };
}

/** Posts readings, and again while the server says that it is too busy. */
export async function post(url: string, body: string): Promise<void> {
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
