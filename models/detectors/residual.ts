import { Type } from '@sinclair/typebox';
import { ReasonCode } from '../domain/reasons.js';
import { defineDetector, MAX_STRANGENESS, type DetectorKernel } from './detector.js';
import { pullIn } from './robust-start.js';

const Settings = Type.Object(
  {
    fast: Type.Number({ default: 8, minimum: 2, maximum: 1e6, description: 'Shortest memory, in frames (default 8).' }),
    medium: Type.Number({
      default: 64,
      minimum: 2,
      maximum: 1e6,
      description: 'Middle memory, in frames (default 64).',
    }),
    slow: Type.Number({
      default: 512,
      minimum: 2,
      maximum: 1e6,
      description: 'Longest memory, in frames (default 512): how long a level must last to be the usual one.',
    }),
  },
  { additionalProperties: false, default: {} },
);

/** Frames of a channel before it is judged. */
const LEAST_COUNT = 4;
/** Young levels follow freely: with so few frames there is no telling an outlier. Then those that were are taken back. */
const YOUNG_COUNT = 16;
/** Huber's bound: a frame moves a level by what this many deviations would. */
const CLIP = 3;
/** Deviations follow this much more slowly than levels, or a drift would widen its own measure as fast as it runs away. */
const SPREAD_SHARE = 0.25;
/** Standard deviation of a Gaussian in mean absolute deviations: √(π/2). */
const SIGMA_PER_MAD = 1.2533;
/** Half the width of the band, in standard deviations. */
const BAND = 3;
/** A channel that never moved has this share of its level as its deviation: far below any sensor's resolution. */
const RELATIVE_FLOOR = 1e-6;
const ABSOLUTE_FLOOR = 1e-12;

const HORIZONS = 3;
const MEDIUM = 1;
const COUNT = 0;
const LEVEL = 1;
const SPREAD = 2;
/** The first values, until there are enough. */
const FIRST = 1 + 2 * HORIZONS;
const CHANNEL_LENGTH = FIRST + YOUNG_COUNT;

/**
 * How far a value lies from its channel's recent past, over three memories at once.
 *
 * Input    frame of C values, each in its channel's own unit
 * Output   per channel the largest |value − level| in robust standard deviations; NaN before 4 values; expected value and
 *          a band of ± 3 deviations from the middle memory
 * State    23·C: count, then level and mean absolute deviation for each memory; the first 16 values
 * Cost     O(C) a frame
 * Fails    SettingInvalidError when a memory is < 2 frames
 * Weak on  seasons, several modes, values that are usual at the wrong moment
 * Source   exponentially weighted control charts: Roberts (1959), Technometrics 1(3), 239–250; bounded influence: Huber (1964),
 *          Annals of Mathematical Statistics 35(1), 73–101
 *
 * @example
 * const detector = residual.create({ channels: 1 });
 * for (const celsius of [20.0, 20.1, 19.9, 20.0, 20.1]) detector.learn([celsius]);
 * detector.score([35]); // [> 50]
 */
export const residual = defineDetector({
  name: 'residual',
  summary: 'How far a value lies from its channel’s recent past, over three memories at once.',
  scope: 'channel',
  settings: Settings,
  createKernel(channels, settings): DetectorKernel {
    const gains = [1 / settings.fast, 1 / settings.medium, 1 / settings.slow];
    return {
      sharedLength: 0,
      channelLength: CHANNEL_LENGTH,
      keepsSharedPart: true,
      init: () => undefined,

      score(state, at, frame, out) {
        for (let c = 0; c < channels; c++) {
          const base = at + c * CHANNEL_LENGTH;
          if (state[base + COUNT]! < LEAST_COUNT) continue;
          const middle = base + 2 * MEDIUM;
          const half = BAND * deviation(state, middle);
          out.expected[c] = state[middle + LEVEL]!;
          out.lower[c] = state[middle + LEVEL]! - half;
          out.upper[c] = state[middle + LEVEL]! + half;
          const value = frame.values[c]!;
          if (Number.isNaN(value)) continue;
          let largest = 0;
          for (let h = 0; h < HORIZONS; h++) {
            const from = base + 2 * h;
            largest = Math.max(largest, Math.abs(value - state[from + LEVEL]!) / deviation(state, from));
          }
          out.strangeness[c] = Math.min(largest, MAX_STRANGENESS);
          out.reason[c] = ReasonCode.value;
          out.reasonA[c] = value;
          out.reasonB[c] = state[middle + LEVEL]!;
        }
      },

      learn(state, at, frame, weight) {
        if (!(weight > 0)) return;
        for (let c = 0; c < channels; c++) {
          const value = frame.values[c]!;
          if (Number.isNaN(value)) continue;
          const base = at + c * CHANNEL_LENGTH;
          const count = state[base + COUNT]!;
          learnValue(state, base, frame.values, c, weight);
          if (count >= YOUNG_COUNT) continue;
          state[base + FIRST + Math.floor(count)] = value;
          if (state[base + COUNT]! >= YOUNG_COUNT && pullIn(state, base + FIRST, YOUNG_COUNT)) restart(state, base);
        }
      },
    };

    function restart(state: Float64Array, base: number): void {
      state.fill(0, base, base + FIRST);
      for (let i = 0; i < YOUNG_COUNT; i++) learnValue(state, base, state, base + FIRST + i, 1);
    }

    function learnValue(state: Float64Array, base: number, values: Float64Array, index: number, given: number): void {
      const value = values[index]!;
      const count = state[base + COUNT]!;
      // Of a channel that is new nothing is known to doubt it by, whatever is wrong with the device.
      const weight = count < YOUNG_COUNT ? Math.max(1, given) : given;
      for (let h = 0; h < HORIZONS; h++) {
        const from = base + 2 * h;
        const gain = Math.max(gains[h]!, 1 / (count + 1));
        const error = value - state[from + LEVEL]!;
        const bound = count < YOUNG_COUNT ? Infinity : CLIP * deviation(state, from) * Math.max(1, weight);
        const taken = Math.max(-bound, Math.min(bound, error));
        state[from + LEVEL]! += Math.min(1, gain * weight) * taken;
        // The first value has no error to learn from: it *is* the level.
        if (count > 0) {
          const spreadGain = Math.max(gains[h]!, 1 / Math.max(count, 1)) * (count < YOUNG_COUNT ? 1 : SPREAD_SHARE);
          state[from + SPREAD]! += spreadGain * Math.min(1, weight) * (Math.abs(taken) - state[from + SPREAD]!);
        }
      }
      state[base + COUNT] = Math.min(count + Math.min(1, weight), settings.slow + YOUNG_COUNT);
    }
  },
});

function deviation(state: Float64Array, from: number): number {
  return SIGMA_PER_MAD * state[from + SPREAD]! + RELATIVE_FLOOR * Math.abs(state[from + LEVEL]!) + ABSOLUTE_FLOOR;
}
