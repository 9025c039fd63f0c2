/** Faults: what goes wrong with a simulated device, when, and how it changes the readings. */
import type { SimulatedChannel } from './devices/device-kind.js';
import { SeededRandom } from './random.js';

export const FAULT_KINDS = [
  /** A few readings far off. */
  'spike',
  /** A slow ramp away from the truth; gone when repaired. */
  'drift',
  /** Everything is off by the same amount. */
  'level-shift',
  /** The sensor repeats its last value. */
  'flatline',
  /** No readings at all. */
  'silence',
  /** The sensor becomes noisy around the truth. */
  'noise',
  /** The device's clock is wrong: readings come, with other timestamps. */
  'clock-jump',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  readonly device: string;
  /** One channel; without it, all channels that take faults. Of no meaning for `silence` and `clock-jump`. */
  readonly channel?: string;
  /** Unix ms by the true clock; at this time it has begun. */
  readonly startMs: number;
  /** Unix ms by the true clock; at this time it is over. Made at least two sampling intervals, so that a fault always shows. */
  readonly endMs: number;
  /** How strong, in multiples of the channel's usual spread; the sign is the direction. Default `DEFAULT_MAGNITUDE`. */
  readonly magnitude?: number;
  /** For `clock-jump`: what the clock is wrong by, ms. Default 3,600,000: an hour ahead. */
  readonly offsetMs?: number;
}

/** What really happened, to compare findings with: one entry a channel that a fault touched. */
export interface FaultTruth {
  readonly device: string;
  /** Null: the whole device (`silence`, `clock-jump`). */
  readonly channel: string | null;
  readonly fault: FaultKind;
  /** Unix ms by the true clock. */
  readonly startMs: number;
  /** Unix ms by the true clock, exclusive. */
  readonly endMs: number;
}

/** In spreads. Large enough for the eye in a plot. */
export const DEFAULT_MAGNITUDE: Readonly<Record<FaultKind, number>> = {
  spike: 15,
  drift: 15,
  'level-shift': 10,
  flatline: 0,
  silence: 0,
  noise: 8,
  'clock-jump': 0,
};

export const DEFAULT_CLOCK_OFFSET_MS = 3_600_000;

export const isDeviceFault = (kind: FaultKind): boolean => kind === 'silence' || kind === 'clock-jump';

/** A fault at work on one device. */
export class ActiveFault {
  readonly kind: FaultKind;
  readonly startMs: number;
  readonly endMs: number;
  readonly offsetMs: number;
  readonly #channels: readonly SimulatedChannel[];
  readonly #touched: Uint8Array;
  readonly #magnitude: number;
  readonly #random: SeededRandom;
  /** The values at which a flat line froze. */
  #frozen: Float64Array | undefined;

  /** @param endMs may lie after `fault.endMs`, see there. */
  constructor(fault: Fault, endMs: number, channels: readonly SimulatedChannel[], random: SeededRandom) {
    this.kind = fault.kind;
    this.startMs = fault.startMs;
    this.endMs = endMs;
    this.offsetMs = fault.kind === 'clock-jump' ? (fault.offsetMs ?? DEFAULT_CLOCK_OFFSET_MS) : 0;
    this.#channels = channels;
    this.#touched = Uint8Array.from(channels, (channel) => Number(touches(fault, channel)));
    this.#magnitude = fault.magnitude ?? DEFAULT_MAGNITUDE[fault.kind];
    this.#random = random;
  }

  isOn(timeMs: number): boolean {
    return timeMs >= this.startMs && timeMs < this.endMs;
  }

  /**
   * Changes true values into what the faulty sensor says.
   *
   * @param previous what the device reported last; NaN where nothing yet.
   */
  distort(timeMs: number, values: Float64Array, previous: Float64Array): void {
    if (this.kind === 'flatline')
      this.#frozen ??= previous.map((value, c) => (Number.isNaN(value) ? values[c]! : value));
    for (let c = 0; c < values.length; c++) {
      if (this.#touched[c] === 1) values[c] = this.#distorted(timeMs, values[c]!, c);
    }
  }

  #distorted(timeMs: number, value: number, c: number): number {
    const size = this.#magnitude * this.#channels[c]!.spread;
    switch (this.kind) {
      case 'spike':
      case 'level-shift':
        return value + size;
      case 'drift':
        return value + (size * (timeMs - this.startMs)) / (this.endMs - this.startMs);
      case 'noise':
        return value + size * this.#random.normal();
      case 'flatline':
        return this.#frozen![c]!;
      case 'silence':
      case 'clock-jump':
        return value;
    }
  }
}

/** The truth that a fault leaves behind. */
export function truthOf(fault: Fault, endMs: number, channels: readonly SimulatedChannel[]): FaultTruth[] {
  const { device, kind, startMs } = fault;
  if (isDeviceFault(kind)) return [{ device, channel: null, fault: kind, startMs, endMs }];
  return channels
    .filter((channel) => touches(fault, channel))
    .map((channel) => ({ device, channel: channel.name, fault: kind, startMs, endMs }));
}

function touches(fault: Fault, channel: SimulatedChannel): boolean {
  if (isDeviceFault(fault.kind)) return false;
  return fault.channel === undefined ? channel.takesFaults : fault.channel === channel.name;
}
