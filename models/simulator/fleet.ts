/** A fleet of simulated devices: the same readings from the same options, however its time is cut into steps. */
import { SettingInvalidError } from '../errors.js';
import { isDeviceId } from '../domain/identity.js';
import { DEVICE_KINDS, deviceKind } from './devices/index.js';
import { FAULT_KINDS, isDeviceFault, truthOf, type Fault, type FaultTruth } from './fault.js';
import { SensorNode, type Sample } from './sensor-node.js';
import { SeededRandom } from './random.js';
import type { SimulatedDevice, SimulatedReading } from './simulated-reading.js';

export interface FleetOptions {
  /** Any finite number. */
  readonly seed: number;
  /** How many, spread evenly over `kinds`, or which. */
  readonly devices: number | readonly SimulatedDevice[];
  /** Names of kinds, for a number of devices. Default: all of `DEVICE_KINDS`. */
  readonly kinds?: readonly string[];
  /** Sampling interval of every device, whole ms, >= 1. */
  readonly intervalMs: number;
  /** Unix ms, whole: no reading is older. */
  readonly startMs: number;
  /** How far a reading may stray from its regular time, as a share of the interval, 0 to 0.45. Default 0.05. */
  readonly jitter?: number;
  /** Share of readings that get lost, and again of readings in which one channel is null; 0 to 1. Default 0.002. */
  readonly missing?: number;
  /** Doors open and big loads start now and then. Default true. */
  readonly everydayEvents?: boolean;
  /** Ascending by `startMs`; may be endless. An array may be in any order. Default: none. */
  readonly faults?: Iterable<Fault> | ((devices: readonly SimulatedDevice[]) => Iterable<Fault>);
}

/** Truth entries that a fleet keeps: enough for weeks of a fault every 20 s. Then the oldest go. */
const MAX_TRUTH = 100_000;

/**
 * Names and kinds of a fleet, `pump-01`, `freezer-01`, … in turn.
 *
 * @throws SettingInvalidError for a count that is no whole number >= 1, and for unknown kinds.
 */
export function fleetDevices(
  count: number,
  kinds: readonly string[] = DEVICE_KINDS.map(({ name }) => name),
): SimulatedDevice[] {
  const problems = kinds.filter((kind) => deviceKind(kind) === undefined).map(unknownKind);
  if (kinds.length === 0) problems.push('kinds must name at least one kind of device, got none');
  if (!Number.isSafeInteger(count) || count < 1) problems.push(`devices must be a whole number >= 1, got ${count}`);
  if (problems.length > 0) throw new SettingInvalidError(problems);
  const digits = Math.max(2, String(Math.ceil(count / kinds.length)).length);
  return Array.from({ length: count }, (_, i) => {
    const kind = kinds[i % kinds.length]!;
    return { id: `${kind}-${String(Math.floor(i / kinds.length) + 1).padStart(digits, '0')}`, kind };
  });
}

export class Fleet {
  readonly devices: readonly SimulatedDevice[];
  readonly intervalMs: number;
  readonly #seed: number;
  readonly #startMs: number;
  readonly #nodes = new Map<string, SensorNode>();
  readonly #faults: Iterator<Fault>;
  #nextFault: Fault | undefined;
  #faultCount = 0;
  readonly #truth: FaultTruth[] = [];
  /** Samples of the current round, by true time. In a round every device has its turn once. */
  #round: Sample[] = [];
  #roundNext = 0;
  #roundCount = 0;

  /** @throws SettingInvalidError naming every option that is wrong. */
  constructor(options: FleetOptions) {
    checkOptions(options);
    const { seed, intervalMs, startMs, jitter = 0.05, missing = 0.002, everydayEvents = true } = options;
    this.devices =
      typeof options.devices === 'number' ? fleetDevices(options.devices, options.kinds) : [...options.devices];
    this.intervalMs = intervalMs;
    this.#seed = seed;
    this.#startMs = startMs;
    for (const device of this.devices) {
      const settings = { seed, intervalMs, startMs, jitter, missing, everydayEvents };
      this.#nodes.set(device.id, new SensorNode(device.id, deviceKind(device.kind)!, settings));
    }
    const plan = typeof options.faults === 'function' ? options.faults(this.devices) : (options.faults ?? []);
    const ordered = Array.isArray(plan) ? (plan as Fault[]).toSorted((a, b) => a.startMs - b.startMs) : plan;
    this.#faults = ordered[Symbol.iterator]();
    this.#nextFault = this.#pullFault();
  }

  /** Faults that have begun, in the order of their beginning; the latest 100,000. */
  get truth(): readonly FaultTruth[] {
    return this.#truth;
  }

  /**
   * All readings whose true time is after that of the step before and not after `timeMs` (Unix ms), in the order of the true
   * time. Nothing when time stands still or goes back. A long step makes a long array: see `readings`.
   */
  step(timeMs: number): SimulatedReading[] {
    return [...this.readings(timeMs)];
  }

  /** As `step`, one by one. */
  *readings(timeMs: number): Generator<SimulatedReading, void> {
    for (const { reading } of this.samples(timeMs)) yield reading;
  }

  /** As `readings`, each with the true time at which it was taken. */
  *samples(timeMs: number): Generator<Sample, void> {
    for (;;) {
      const sample = this.#round[this.#roundNext];
      if (sample !== undefined) {
        if (sample.atMs > timeMs) return;
        this.#roundNext++;
        yield sample;
      } else {
        if (this.#startMs + this.#roundCount * this.intervalMs > timeMs) return;
        this.#sampleRound();
      }
    }
  }

  #sampleRound(): void {
    const fromMs = this.#startMs + this.#roundCount++ * this.intervalMs;
    this.#beginFaults(fromMs + this.intervalMs);
    const samples: Sample[] = [];
    for (const node of this.#nodes.values()) {
      const sample = node.sample(fromMs);
      if (sample !== undefined) samples.push(sample);
    }
    this.#round = samples.sort((a, b) => a.atMs - b.atMs);
    this.#roundNext = 0;
  }

  #beginFaults(beforeMs: number): void {
    while (this.#nextFault !== undefined && this.#nextFault.startMs < beforeMs) {
      const fault = this.#nextFault;
      const node = this.#nodes.get(fault.device)!;
      // Two intervals hold at least one reading, whatever the jitter.
      const endMs = Math.max(fault.endMs, fault.startMs + 2 * this.intervalMs);
      node.begin(fault, endMs, new SeededRandom(this.#seed, `fault ${this.#faultCount++}`));
      this.#truth.push(...truthOf(fault, endMs, node.kind.channels));
      if (this.#truth.length > MAX_TRUTH) this.#truth.splice(0, this.#truth.length - MAX_TRUTH);
      this.#nextFault = this.#pullFault(fault);
    }
  }

  #pullFault(before?: Fault): Fault | undefined {
    const result = this.#faults.next();
    if (result.done === true) return undefined;
    const value = result.value;
    const problems = this.#problemsOf(value);
    if (before !== undefined && value.startMs < before.startMs) {
      problems.push(`faults must ascend by startMs, got ${value.startMs} after ${before.startMs}`);
    }
    if (problems.length > 0) throw new SettingInvalidError(problems);
    return value;
  }

  #problemsOf(fault: Fault): string[] {
    const node = this.#nodes.get(fault.device);
    if (!FAULT_KINDS.includes(fault.kind)) return [`fault must be one of ${FAULT_KINDS.join(', ')}, got ${fault.kind}`];
    if (node === undefined) return [`a fault must be on a device of the fleet, got ${fault.device}`];
    const problems: string[] = [];
    if (!(fault.endMs > fault.startMs)) {
      problems.push(`a fault must end after it starts at ${fault.startMs}, got ${fault.endMs}`);
    }
    const known = node.kind.channels.map(({ name }) => name);
    if (!isDeviceFault(fault.kind) && fault.channel !== undefined && !known.includes(fault.channel)) {
      problems.push(`a fault of ${fault.device} must be on one of ${known.join(', ')}, got ${fault.channel}`);
    }
    return problems;
  }
}

export function createFleet(options: FleetOptions): Fleet {
  return new Fleet(options);
}

function checkOptions({ seed, devices, intervalMs, startMs, jitter = 0, missing = 0 }: FleetOptions): void {
  const problems: string[] = [];
  if (!Number.isFinite(seed)) problems.push(`seed must be a finite number, got ${seed}`);
  if (!Number.isSafeInteger(intervalMs) || intervalMs < 1) {
    problems.push(`intervalMs must be a whole number >= 1, got ${intervalMs}`);
  }
  if (!Number.isSafeInteger(startMs)) problems.push(`startMs must be a whole number, got ${startMs}`);
  if (!(jitter >= 0 && jitter <= 0.45)) problems.push(`jitter must be 0 to 0.45, got ${jitter}`);
  if (!(missing >= 0 && missing <= 1)) problems.push(`missing must be 0 to 1, got ${missing}`);
  if (typeof devices !== 'number') {
    if (new Set(devices.map(({ id }) => id)).size < devices.length) problems.push('device ids must differ');
    for (const { id, kind } of devices) {
      if (!isDeviceId(id))
        problems.push(`device id must be 1 to 128 letters, digits or _-.:@/, got ${JSON.stringify(id)}`);
      if (deviceKind(kind) === undefined) problems.push(unknownKind(kind));
    }
  }
  if (problems.length > 0) throw new SettingInvalidError(problems);
}

function unknownKind(kind: string): string {
  return `kind must be one of ${DEVICE_KINDS.map(({ name }) => name).join(', ')}, got ${kind}`;
}
