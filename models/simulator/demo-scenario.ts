/** The fleet of `redshank demo`: ten quiet minutes behind it, and something going wrong about every 20 seconds from now on. */
import { fleetDevices, createFleet, type Fleet } from './fleet.js';
import type { Fault } from './fault.js';
import { randomFaults } from './random-faults.js';
import type { SimulatedDevice } from './simulated-reading.js';

export interface DemoScenario {
  readonly fleet: Fleet;
  /** Unix ms of the oldest reading. `fleet.step(liveFromMs)` gives the history, later steps what is new. */
  readonly historyFromMs: number;
  readonly liveFromMs: number;
}

export interface DemoOptions {
  readonly seed: number;
  /** Unix ms, whole: the present. */
  readonly nowMs: number;
  /** 1 to 10,000. Default 24. */
  readonly devices?: number;
  /** Sampling interval, whole ms. Default 1,000. */
  readonly intervalMs?: number;
}

/** Readings of history: several times the warm-up of the standard profile, and still recent enough to be live. */
const HISTORY_READINGS = 600;
/** No freezers: a compressor that starts every eight minutes looks like a fault to whoever has watched for ten. */
const KINDS = ['pump', 'air-handler', 'meter'];
/** As on a poor radio link, and often enough to be ordinary after ten minutes. */
const LOST = 0.01;
const FIRST_FAULT_AFTER_MS = 6_000;
const FAULT_EVERY_MS = 20_000;

/**
 * The first fault is one that nobody overlooks: a pump runs hot and shakes. It starts 6 s after `nowMs`.
 *
 * @throws SettingInvalidError as `createFleet`.
 */
export function demoScenario({ seed, nowMs, devices = 24, intervalMs = 1_000 }: DemoOptions): DemoScenario {
  const historyFromMs = nowMs - HISTORY_READINGS * intervalMs;
  const fleet = createFleet({
    seed,
    devices: fleetDevices(devices, KINDS),
    intervalMs,
    startMs: historyFromMs,
    missing: LOST,
    // A chiller that starts for the first time in ten minutes is no fault, but looks like one.
    everydayEvents: false,
    faults: (members) => demoFaults(seed, members, nowMs + FIRST_FAULT_AFTER_MS, intervalMs),
  });
  return { fleet, historyFromMs, liveFromMs: nowMs };
}

function* demoFaults(
  seed: number,
  devices: readonly SimulatedDevice[],
  startMs: number,
  intervalMs: number,
): Generator<Fault> {
  const pump = devices[0]!;
  const endMs = startMs + 30 * intervalMs;
  yield { kind: 'level-shift', device: pump.id, channel: 'temp', startMs, endMs, magnitude: 25 };
  yield { kind: 'level-shift', device: pump.id, channel: 'vib', startMs, endMs, magnitude: 20 };
  const others = devices.length > 1 ? devices.slice(1) : devices;
  const next = endMs - 10 * intervalMs;
  yield* randomFaults({ seed, devices: others, intervalMs, startMs: next, everyMs: FAULT_EVERY_MS });
}
