import { Type } from '@sinclair/typebox';
import { ReasonCode } from '../domain/reasons.js';
import { levelFactor } from '../statistics/tracked-level.js';
import { defineDetector, MAX_STRANGENESS, type DetectorKernel, type FrameView } from './detector.js';

const Settings = Type.Object(
  {
    memory: Type.Number({
      default: 500,
      minimum: 10,
      maximum: 1e6,
      description: 'Memory of means and spreads, in frames (default 500).',
    }),
  },
  { additionalProperties: false, default: {} },
);

/** Frames before it speaks; the level is then what the third largest of them had. */
const START = 100;
const LARGEST = 3;
/** Frames without a scale to cut wild values by. */
const FIRST = 24;
/** Of a channel no more standard deviations count, and none beyond teach. */
const CLIP = 20;
const RELATIVE_FLOOR = 1e-3;
const ABSOLUTE_FLOOR = 1e-9;
const VERDICT = 1e3;
const FAR = 3;

/** Shared part: frames learned, the level, the largest of the start in ascending order. */
const COUNT = 0;
const LEVEL = 1;
const TOP = 2;
const SHARED_LENGTH = TOP + LARGEST;

const SEEN = 0;
const MEAN = 1;
const VARIANCE = 2;
const CHANNEL_LENGTH = 3;

/**
 * How far the channels are, on the whole, from their means of late, each by itself: many that are a little out at once, or one
 * that is far out. It forgets soon, so it speaks when something begins.
 *
 * Input    frame of C values; a missing one counts as the mean
 * Output   one strangeness for the frame: mean squared standard deviations over the level that 98 % of the frames stay below;
 *          NaN before 100 frames. Attribution by the squares
 * State    5, then 3·C: a mean and a variance each
 * Cost     O(C) a frame
 * Fails    SettingInvalidError when the memory is out of range
 * Weak on  channels that break their usual bond while each stays in its range (`reference-value` has them), long faults
 * Source   exponentially weighted variance: West (1979), Communications of the ACM 22(9), 532–535; chi chart of independent
 *          channels: Hotelling (1947), Multivariate quality control
 *
 * @example
 * const detector = meanSquare.create({ channels: 2 });
 * for (let i = 0; i < 200; i++) detector.learn([Math.sin(i), Math.cos(i)]);
 * detector.score([8, 0]); // [> 5]
 */
export const meanSquare = defineDetector({
  name: 'mean-square',
  summary: 'How far the channels are, on the whole, from their means of late.',
  scope: 'frame',
  scale: 'level',
  settings: Settings,
  createKernel(channels, { memory }): DetectorKernel {
    const z = new Float64Array(channels);

    /** Squared deviations, a mean over the channels; leaves them in `z`. */
    const meanOfSquares = (state: Float64Array, at: number, frame: FrameView): number => {
      let sum = 0;
      for (let c = 0; c < channels; c++) {
        const base = at + SHARED_LENGTH + c * CHANNEL_LENGTH;
        const offset = state[base + SEEN] === 1 ? frame.values[c]! - state[base + MEAN]! : 0;
        const deviations = Number.isNaN(offset) ? 0 : offset / deviation(state, base);
        z[c] = Math.max(-CLIP, Math.min(CLIP, deviations));
        sum += z[c]! * z[c]!;
      }
      return sum / channels;
    };

    return {
      sharedLength: SHARED_LENGTH,
      channelLength: CHANNEL_LENGTH,
      keepsSharedPart: false,
      init: () => undefined,

      score(state, at, frame, out) {
        if (state[at + COUNT]! < START) return;
        const strangeness = meanOfSquares(state, at, frame) / state[at + LEVEL]!;
        out.strangeness[0] = Math.min(strangeness, MAX_STRANGENESS);
        for (let c = 0; c < channels; c++) {
          const square = z[c]! * z[c]!;
          out.attribution[c] = square;
          if (strangeness <= 1 || square <= FAR * FAR) continue;
          out.reason[c] = ReasonCode.value;
          out.reasonA[c] = frame.values[c]!;
          out.reasonB[c] = state[at + SHARED_LENGTH + c * CHANNEL_LENGTH + MEAN]!;
        }
      },

      learn(state, at, frame, weight) {
        if (!(weight > 0)) return;
        const square = Math.max(meanOfSquares(state, at, frame), ABSOLUTE_FLOOR);
        const count = Math.min(++state[at + COUNT]!, Number.MAX_SAFE_INTEGER);
        if (count > START && weight > VERDICT) {
          state[at + LEVEL] = Math.max(state[at + LEVEL]!, square);
        } else if (count > START) {
          state[at + LEVEL]! *= levelFactor(square / state[at + LEVEL]!, count - START, Math.min(1, weight));
        } else {
          rememberLargest(state, at, square);
          state[at + LEVEL] = state[at + TOP]!;
        }
        const gain = Math.min(1, weight / Math.min(count, memory));
        for (let c = 0; c < channels; c++) learnValue(state, at, c, frame.values[c]!, gain, weight);
      },
    };

    function learnValue(
      state: Float64Array,
      at: number,
      channel: number,
      value: number,
      gain: number,
      weight: number,
    ): void {
      if (Number.isNaN(value)) return;
      const base = at + SHARED_LENGTH + channel * CHANNEL_LENGTH;
      if (state[base + SEEN] === 0 || weight > VERDICT) {
        state[base + SEEN] = 1;
        state[base + MEAN] = value;
        return;
      }
      const limit = state[at + COUNT]! > FIRST ? CLIP * deviation(state, base) : Infinity;
      const step = Math.max(-limit, Math.min(limit, value - state[base + MEAN]!));
      state[base + MEAN]! += gain * step;
      state[base + VARIANCE] = (1 - gain) * (state[base + VARIANCE]! + gain * step * step);
    }
  },
});

function deviation(state: Float64Array, base: number): number {
  return Math.sqrt(state[base + VARIANCE]!) + RELATIVE_FLOOR * Math.abs(state[base + MEAN]!) + ABSOLUTE_FLOOR;
}

/** Keeps the largest values of the start, ascending from `TOP`. */
function rememberLargest(state: Float64Array, at: number, value: number): void {
  let i = at + TOP;
  if (value <= state[i]!) return;
  for (; i < at + TOP + LARGEST - 1 && state[i + 1]! < value; i++) state[i] = state[i + 1]!;
  state[i] = value;
}
