/** Sends a simulated fleet to a server as time goes by. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../../models/simulator/fleet.js';
import type { ApiClient } from '../client.js';

export interface FeedOptions {
  /** Simulated time, Unix ms, at which the fleet is live: everything before is sent at once. */
  readonly liveFromMs: number;
  /** Simulated time, Unix ms, to end at; Infinity: until `signal`. */
  readonly untilMs: number;
  /** Simulated seconds a second. */
  readonly speed: number;
  readonly signal: AbortSignal;
  /** Told after each request. */
  readonly onProgress?: (totals: FeedTotals, simulatedMs: number) => void;
}

export interface FeedTotals {
  readonly accepted: number;
  /** Refused by the server. */
  readonly invalid: number;
}

/** Readings are sent this often: short for the eye, long enough to share a request. */
const TICK_MS = 200;
const BATCH = 1_000;
/** A server that restarts is waited for. */
const LONGEST_MS = 30_000;

/** Resolves when the end is reached or `signal` is aborted. @throws CommandFailure when the server stays away. */
export async function feedFleet(fleet: Fleet, client: ApiClient, options: FeedOptions): Promise<FeedTotals> {
  const { liveFromMs, untilMs, speed, signal } = options;
  let invalid = 0;
  const sender = client.sender({
    maxBatch: BATCH,
    maxBuffered: 2 * BATCH,
    maxDelayMs: TICK_MS,
    firstRetryMs: 250,
    longestRetryMs: 5_000,
    onRejected: (_, count) => (invalid += count),
  });
  const flush = async (toMs: number): Promise<void> => {
    await sender.flush({ timeoutMs: LONGEST_MS });
    options.onProgress?.({ accepted: sender.stats().accepted, invalid }, toMs);
  };
  const sendTo = async (toMs: number): Promise<void> => {
    for (const reading of fleet.readings(toMs)) {
      if (signal.aborted) return;
      if (sender.stats().buffered >= BATCH) await flush(reading.ts);
      sender.add(reading);
    }
    await flush(toMs);
  };
  try {
    const startedMs = performance.now();
    await sendTo(Math.min(liveFromMs, untilMs));
    for (;;) {
      const nowMs = Math.min(untilMs, liveFromMs + (performance.now() - startedMs) * speed);
      await sendTo(nowMs);
      if (nowMs >= untilMs || signal.aborted) break;
      await sleep(TICK_MS, undefined, { signal }).catch(() => undefined);
    }
    await sender.close({ timeoutMs: LONGEST_MS });
  } catch (error) {
    if (!signal.aborted) throw client.failureOfSender(error);
  }
  return { accepted: sender.stats().accepted, invalid };
}
