/** Sends a simulated fleet to a server as time goes by. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../../models/simulator/fleet.js';
import type { ApiClient } from '../client.js';
import type { SourceRow } from '../ingest/source-row.js';
import { noTotals, upload, type UploadTotals } from '../ingest/upload.js';

export interface FeedOptions {
  /** Simulated time, Unix ms, at which the fleet is live: everything before is sent at once. */
  readonly liveFromMs: number;
  /** Simulated time, Unix ms, to end at; Infinity: until `signal`. */
  readonly untilMs: number;
  /** Simulated seconds a second. */
  readonly speed: number;
  readonly signal: AbortSignal;
  /** Told after each request. */
  readonly onProgress?: (totals: UploadTotals, simulatedMs: number) => void;
}

/** Readings are sent this often: short for the eye, long enough to share a request. */
const TICK_MS = 200;
const BATCH = 1_000;

/** Resolves when the end is reached or `signal` is aborted. @throws CommandFailure when the server stays away. */
export async function feedFleet(fleet: Fleet, client: ApiClient, options: FeedOptions): Promise<UploadTotals> {
  const { liveFromMs, untilMs, speed, signal } = options;
  const totals = noTotals();
  let row = 0;
  function* rows(toMs: number): Generator<SourceRow> {
    for (const reading of fleet.readings(toMs)) {
      if (signal.aborted) return;
      yield { row: ++row, reading };
    }
  }
  const sendTo = async (toMs: number): Promise<void> => {
    const onProgress = (now: UploadTotals): void => options.onProgress?.(now, toMs);
    await upload(rows(toMs), client, { batchSize: BATCH, onProgress }, totals);
  };
  const startedMs = performance.now();
  await sendTo(Math.min(liveFromMs, untilMs));
  for (;;) {
    const nowMs = Math.min(untilMs, liveFromMs + (performance.now() - startedMs) * speed);
    await sendTo(nowMs);
    if (nowMs >= untilMs || signal.aborted) return totals;
    await sleep(TICK_MS, undefined, { signal }).catch(() => undefined);
  }
}
