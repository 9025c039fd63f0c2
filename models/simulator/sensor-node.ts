/** One simulated device with its sensors: samples the model, loses some readings, and suffers the faults. */
import type { DeviceKind, DeviceModel } from './devices/device-kind.js';
import { ActiveFault, type Fault } from './fault.js';
import { SeededRandom } from './random.js';
import type { SimulatedReading } from './simulated-reading.js';

export interface Sample {
  /** Unix ms by the true clock. */
  readonly atMs: number;
  readonly reading: SimulatedReading;
}

export interface SensorNodeSettings {
  readonly seed: number;
  readonly intervalMs: number;
  readonly startMs: number;
  /** Share of the interval, 0 to 0.45. */
  readonly jitter: number;
  readonly missing: number;
  readonly everydayEvents: boolean;
}

/** The models have cycles of minutes: between two samples they move in steps no longer than this. */
const MAX_STEP_SEC = 30;

export class SensorNode {
  readonly kind: DeviceKind;
  readonly #id: string;
  readonly #settings: SensorNodeSettings;
  readonly #model: DeviceModel;
  readonly #stepsPerSample: number;
  /** Place of the regular sampling time within the interval, ms. With the jitter it stays inside. */
  readonly #phaseMs: number;
  readonly #sampling: SeededRandom;
  readonly #values: Float64Array;
  readonly #previous: Float64Array;
  #faults: ActiveFault[] = [];

  constructor(id: string, kind: DeviceKind, settings: SensorNodeSettings) {
    const { seed, intervalMs, startMs, jitter, everydayEvents } = settings;
    this.kind = kind;
    this.#id = id;
    this.#settings = settings;
    this.#stepsPerSample = Math.max(1, Math.ceil(intervalMs / 1_000 / MAX_STEP_SEC));
    const stepSec = intervalMs / 1_000 / this.#stepsPerSample;
    this.#model = kind.create(new SeededRandom(seed, `model ${id}`), stepSec, startMs, everydayEvents);
    // A sequence of its own: what is lost or late does not change what the machine does, and no fault changes either.
    this.#sampling = new SeededRandom(seed, `sampling ${id}`);
    this.#phaseMs = intervalMs * this.#sampling.between(jitter, 1 - jitter);
    this.#values = new Float64Array(kind.channels.length);
    this.#previous = new Float64Array(kind.channels.length).fill(NaN);
  }

  begin(fault: Fault, endMs: number, random: SeededRandom): void {
    this.#faults.push(new ActiveFault(fault, endMs, this.kind.channels, random));
  }

  /** The sample of the interval that starts at `fromMs`, if it is not lost. */
  sample(fromMs: number): Sample | undefined {
    const { intervalMs, jitter, missing } = this.#settings;
    const stepMs = intervalMs / this.#stepsPerSample;
    for (let i = 1; i <= this.#stepsPerSample; i++) this.#model.advance(fromMs + i * stepMs);

    const stray = this.#sampling.between(-jitter, jitter);
    const isLost = this.#sampling.chance(missing);
    const lacksChannel = this.#sampling.chance(missing);
    const lacking = this.#sampling.integer(this.#values.length);
    // Never outside the interval, so that intervals follow each other in order.
    const offsetMs = Math.floor(this.#phaseMs + stray * intervalMs);
    const atMs = fromMs + Math.min(intervalMs - 1, Math.max(0, offsetMs));

    this.#faults = this.#faults.filter((fault) => fault.endMs > fromMs);
    const faults = this.#faults.filter((fault) => fault.isOn(atMs));
    // A spike is but two readings long: losing them would make the truth a lie.
    const isSpiking = faults.some(({ kind }) => kind === 'spike');
    if ((isLost && !isSpiking) || faults.some(({ kind }) => kind === 'silence')) return undefined;

    this.#values.set(this.#model.values);
    let clockMs = atMs;
    for (const fault of faults) {
      fault.distort(atMs, this.#values, this.#previous);
      clockMs += fault.offsetMs;
    }
    this.#quantise();
    this.#previous.set(this.#values);
    const values: Record<string, number | null> = {};
    for (let c = 0; c < this.#values.length; c++) {
      const isNull = lacksChannel && c === lacking && !isSpiking;
      values[this.kind.channels[c]!.name] = isNull ? null : this.#values[c]!;
    }
    return { atMs, reading: { device: this.#id, ts: clockMs, values } };
  }

  #quantise(): void {
    for (let c = 0; c < this.#values.length; c++) {
      const { resolution, min, max } = this.kind.channels[c]!;
      const clipped = Math.min(max, Math.max(min, this.#values[c]!));
      // Divided by a whole number, not multiplied by the resolution: 71.23, not 71.23000000000002. Plus 0 makes -0 a 0.
      const perUnit = Math.round(1 / resolution);
      this.#values[c] = Math.round(clipped * perUnit) / perUnit + 0;
    }
  }
}
