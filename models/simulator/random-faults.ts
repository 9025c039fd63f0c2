/** An endless plan of faults from a seed. */
import { SettingInvalidError } from '../errors.js';
import { DEFAULT_CLOCK_OFFSET_MS, FAULT_KINDS, isDeviceFault, type Fault, type FaultKind } from './fault.js';
import { deviceKind } from './devices/index.js';
import { SeededRandom } from './random.js';
import type { SimulatedDevice } from './simulated-reading.js';

export interface RandomFaultOptions {
  readonly seed: number;
  readonly devices: readonly SimulatedDevice[];
  /** Sampling interval of the fleet, ms: how long a fault lasts is counted in readings. */
  readonly intervalMs: number;
  /** Unix ms at which the first fault begins. */
  readonly startMs: number;
  /** Mean time between the beginnings of two faults anywhere in the fleet, ms; the single one varies by 30 %. */
  readonly everyMs: number;
  /** Which kinds. Default: all. */
  readonly kinds?: readonly FaultKind[];
}

/** How many readings a fault lasts, from and to. */
const LASTS: Readonly<Record<FaultKind, readonly [number, number]>> = {
  spike: [2, 3],
  drift: [60, 120],
  'level-shift': [25, 60],
  flatline: [60, 120],
  silence: [25, 60],
  noise: [25, 60],
  'clock-jump': [15, 40],
};

/**
 * Every kind and every device comes once before any comes again, in random order; a device has one fault at a time.
 * Ascending by `startMs`, without end: made one by one as the fleet asks.
 *
 * @throws SettingInvalidError when there are no devices or kinds, or `everyMs` is not positive.
 */
export function* randomFaults(options: RandomFaultOptions): Generator<Fault, never> {
  const { seed, devices, intervalMs, everyMs, kinds = FAULT_KINDS } = options;
  const problems: string[] = [];
  if (devices.length === 0) problems.push('random faults need at least one device, got 0');
  if (kinds.length === 0) problems.push('random faults need at least one kind, got 0');
  if (!(everyMs > 0)) problems.push(`everyMs must be > 0, got ${everyMs}`);
  if (problems.length > 0) throw new SettingInvalidError(problems);

  const random = new SeededRandom(seed, 'faults');
  const busyUntilMs = new Map<string, number>();
  let startMs = options.startMs;
  let kindDeck: FaultKind[] = [];
  let deviceDeck: SimulatedDevice[] = [];
  for (;;) {
    if (kindDeck.length === 0) kindDeck = random.shuffled(kinds);
    if (deviceDeck.length === 0) deviceDeck = random.shuffled(devices);
    const kind = kindDeck.pop()!;
    const device = deviceDeck.pop()!;
    const [shortest, longest] = LASTS[kind];
    const lastsMs = (shortest + random.integer(longest - shortest + 1)) * intervalMs;
    const fault = randomFault(random, kind, device, Math.max(startMs, busyUntilMs.get(device.id) ?? 0), lastsMs);
    busyUntilMs.set(device.id, fault.endMs);
    yield fault;
    startMs = Math.max(startMs + Math.round(everyMs * random.between(0.7, 1.3)), fault.startMs);
  }
}

function randomFault(
  random: SeededRandom,
  kind: FaultKind,
  device: SimulatedDevice,
  startMs: number,
  lastsMs: number,
): Fault {
  const sign = random.chance(0.7) ? 1 : -1;
  const channels = deviceKind(device.kind)!.channels.filter((channel) => channel.takesFaults);
  const channel = channels[random.integer(channels.length)]!.name;
  const fault: Fault = { kind, device: device.id, startMs, endMs: startMs + lastsMs };
  if (kind === 'clock-jump') return { ...fault, offsetMs: sign * DEFAULT_CLOCK_OFFSET_MS };
  if (isDeviceFault(kind)) return fault;
  if (kind === 'flatline' || kind === 'noise') return { ...fault, channel };
  const base = kind === 'level-shift' ? random.between(9, 14) : random.between(13, 18);
  return { ...fault, channel, magnitude: sign * base };
}
