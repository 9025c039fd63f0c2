/** What a kind of device is to the simulator. One file a kind, found through the catalogue in `index.ts`. */
import type { SeededRandom } from '../random.js';

export interface SimulatedChannel {
  readonly name: string;
  readonly unit: string;
  /** How far the channel usually strays within minutes, in its unit: faults are sized in multiples of it. */
  readonly spread: number;
  /** Step between two values that the sensor can tell apart. */
  readonly resolution: number;
  /** Values beyond are clipped, as the sensor does. */
  readonly min: number;
  readonly max: number;
  /** False: an ordinary switch or door, where a made-up fault would look like use. */
  readonly takesFaults: boolean;
}

export interface DeviceModel {
  /** True values now, one a channel, before the sensor rounds them. */
  readonly values: Float64Array;
  /** Moves on by the `stepSec` that the model was made with; `timeMs` (Unix ms) is the new time. */
  advance(timeMs: number): void;
}

export interface DeviceKind {
  readonly name: string;
  readonly channels: readonly SimulatedChannel[];
  /**
   * @param stepSec seconds between two calls of `advance`; at most 30, so that the shortest cycle keeps its shape.
   * @param everydayEvents doors open and big loads start now and then. Ordinary, yet a detector has to learn them.
   */
  create(random: SeededRandom, stepSec: number, startMs: number, everydayEvents: boolean): DeviceModel;
}
