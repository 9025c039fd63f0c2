import { Type } from '@sinclair/typebox';
import { ReasonCode } from '../domain/reasons.js';
import { defineDetector, MAX_STRANGENESS, type DetectorKernel } from './detector.js';
import { pullIn } from './robust-start.js';

const Settings = Type.Object(
  {
    recent: Type.Number({
      default: 12,
      minimum: 2,
      maximum: 1e6,
      description: 'Memory of "of late", in frames (default 12).',
    }),
    past: Type.Number({
      default: 288,
      minimum: 4,
      maximum: 1e6,
      description: 'Memory of "before", in frames (default 288).',
    }),
  },
  { additionalProperties: false, default: {} },
);

/** Gaps between the two means before they are judged: the means need time to tell themselves apart. */
const LEAST_COUNT = 24;
const CLIP = 3;
/** The spread follows this much more slowly than the past mean, or a drift would widen its own measure. */
const SPREAD_SHARE = 0.25;
const SIGMA_PER_MAD = 1.2533;
const RELATIVE_FLOOR = 1e-6;
const ABSOLUTE_FLOOR = 1e-12;

const COUNT = 0;
const RECENT = 1;
const PAST = 2;
const SPREAD = 3;
/** The first values, until there are enough. */
const FIRST = 4;
const CHANNEL_LENGTH = FIRST + LEAST_COUNT;

/**
 * Whether the level of late departs from the level before: small shifts and drifts that no single value gives away.
 *
 * Input    frame of C values
 * Output   per channel |recent mean − past mean| in robust standard deviations of that difference; NaN before 24 values
 * State    28·C: count, the two means, mean absolute difference; the first 24 values
 * Cost     O(C) a frame
 * Fails    SettingInvalidError when a memory is out of range
 * Weak on  short spikes (`residual` has them), seasons longer than the past memory
 * Source   Page (1954), Biometrika 41, 100–115 (the question); moving-average crossover instead of sums, so that it recovers
 *
 * @example
 * const detector = levelShift.create({ channels: 1 });
 * for (let i = 0; i < 60; i++) detector.learn([i % 2]);
 * for (let i = 0; i < 10; i++) detector.learn([2 + (i % 2)]);
 * detector.score([2]); // [> 3]
 */
export const levelShift = defineDetector({
  name: 'level-shift',
  summary: 'Whether the level of late departs from the level before: small shifts and drifts.',
  scope: 'channel',
  settings: Settings,
  createKernel(channels, settings): DetectorKernel {
    const recentGain = 1 / settings.recent;
    const pastGain = 1 / settings.past;
    return {
      sharedLength: 0,
      channelLength: CHANNEL_LENGTH,
      keepsSharedPart: true,
      init: () => undefined,

      score(state, at, frame, out) {
        for (let c = 0; c < channels; c++) {
          const base = at + c * CHANNEL_LENGTH;
          const value = frame.values[c]!;
          if (Number.isNaN(value) || state[base + COUNT]! < LEAST_COUNT) continue;
          // One value moves the recent mean by no more than a few deviations: a spike is not a shift.
          const recent = state[base + RECENT]! + recentGain * bounded(state, base, value, 2 / recentGain);
          const distance = Math.abs(recent - state[base + PAST]!);
          out.strangeness[c] = Math.min(distance / deviation(state, base), MAX_STRANGENESS);
          out.reason[c] = ReasonCode.level;
          out.reasonA[c] = recent;
          out.reasonB[c] = state[base + PAST]!;
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
          if (count >= LEAST_COUNT) continue;
          state[base + FIRST + Math.floor(count)] = value;
          if (state[base + COUNT]! >= LEAST_COUNT && pullIn(state, base + FIRST, LEAST_COUNT)) restart(state, base);
        }
      },
    };

    function restart(state: Float64Array, base: number): void {
      state.fill(0, base, base + FIRST);
      for (let i = 0; i < LEAST_COUNT; i++) learnValue(state, base, state, base + FIRST + i, 1);
    }

    function learnValue(state: Float64Array, base: number, values: Float64Array, index: number, given: number): void {
      const value = values[index]!;
      const count = state[base + COUNT]!;
      const young = count < LEAST_COUNT;
      // Of a channel that is new nothing is known to doubt it by, whatever is wrong with the device.
      const weight = young ? Math.max(1, given) : given;
      // What happened of late is a fact, whether or not it may become normal: the recent mean moves alike at any weight.
      const step = young ? value - state[base + RECENT]! : bounded(state, base, value, 2 / recentGain);
      state[base + RECENT]! +=
        weight > 1e3 ? value - state[base + RECENT]! : Math.max(recentGain, 1 / (count + 1)) * step;
      const difference = state[base + RECENT]! - state[base + PAST]!;
      const bound = young ? Infinity : CLIP * deviation(state, base) * Math.max(1, weight);
      const taken = Math.max(-bound, Math.min(bound, difference));
      state[base + PAST]! += Math.min(1, weight * Math.max(pastGain, 1 / (count + 1))) * taken;
      if (count > 0) {
        const gain = Math.max(pastGain, 1 / count) * (young ? 1 : SPREAD_SHARE) * Math.min(1, weight);
        state[base + SPREAD]! += gain * (Math.abs(taken) - state[base + SPREAD]!);
      }
      state[base + COUNT] = Math.min(count + Math.min(1, weight), settings.past + LEAST_COUNT);
    }
  },
});

function deviation(state: Float64Array, base: number): number {
  return SIGMA_PER_MAD * state[base + SPREAD]! + RELATIVE_FLOOR * Math.abs(state[base + PAST]!) + ABSOLUTE_FLOOR;
}

/** How far a value lies from the recent mean, cut at so many deviations. */
function bounded(state: Float64Array, base: number, value: number, deviations: number): number {
  const bound = deviations * deviation(state, base);
  return Math.max(-bound, Math.min(bound, value - state[base + RECENT]!));
}
