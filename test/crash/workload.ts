/** Readings of a few devices, made from a seed: the same in every run. */
import { Fleet } from '../../models/simulator/fleet.js';

export interface PostedReading {
  readonly device: string;
  readonly ts: number;
  readonly values: Readonly<Record<string, number | null>>;
}

export const DEVICES = 20;
export const BATCH = 100;
const START_MS = Date.UTC(2026, 0, 1);
const INTERVAL_MS = 10_000;

/** `count` readings in time order, in batches of `BATCH`. */
export function workload(seed: number, count: number): PostedReading[][] {
  const fleet = new Fleet({ seed, devices: DEVICES, intervalMs: INTERVAL_MS, startMs: START_MS, missing: 0 });
  const batches: PostedReading[][] = [[]];
  let made = 0;
  for (let timeMs = START_MS + INTERVAL_MS; made < count; timeMs += INTERVAL_MS) {
    for (const reading of fleet.step(timeMs)) {
      if (batches.at(-1)!.length === BATCH) batches.push([]);
      batches.at(-1)!.push({ device: reading.device, ts: reading.ts, values: reading.values });
      if (++made === count) break;
    }
  }
  return batches;
}
