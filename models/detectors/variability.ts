import { Type } from '@sinclair/typebox';
import { ReasonCode } from '../domain/reasons.js';
import { defineDetector, TEACH, type DetectorKernel } from './detector.js';
import { pullIn } from './robust-start.js';

const Settings = Type.Object(
  {
    recent: Type.Number({
      default: 16,
      minimum: 2,
      maximum: 1e6,
      description: 'Memory of "of late", in frames (default 16).',
    }),
    past: Type.Number({
      default: 500,
      minimum: 4,
      maximum: 1e6,
      description: 'Memory of "before", in frames (default 500).',
    }),
  },
  { additionalProperties: false, default: {} },
);

/** Steps before they are judged. */
const LEAST_COUNT = 24;
const CLIP = 3;
const SIGMA_PER_MAD = 1.2533;
/** Steps below this share of the value are rest: far below any sensor's resolution. */
const RELATIVE_FLOOR = 1e-6;
const ABSOLUTE_FLOOR = 1e-12;
/** Least spread of the logarithm of the ratio: a change by a twentieth is never strange. */
const LEAST_SPREAD = 0.05;
/** A step counts for no more than this many usual ones, or a spike would look like noise for a while. */
const STEP_CLIP = 20;
/** "Changes by more a step" is said of many steps, not of the two that a spike makes: of those counted so far, the mean must be up by half. */
const COMMON_CLIP = 4;
const COMMON_RISE = 1.5;

const COUNT = 0;
const LAST = 1;
const RECENT = 2;
const PAST = 3;
const SPREAD = 4;
/** As `RECENT`, of steps that count for little: what many steps have in common, and one has not. */
const COMMON = 5;
/** The first values, until there are enough. */
const FIRST = 6;
const CHANNEL_LENGTH = FIRST + LEAST_COUNT;

/**
 * Whether a channel moves more, or less, from value to value than it used to: noise, oscillation, a dying sensor.
 *
 * Input    frame of C values
 * Output   per channel |ln(recent mean step / past mean step)| in robust standard deviations of that; NaN before 24 values
 * State    30·C: count, last value, the mean steps, mean absolute log ratio; the first 24 values
 * Cost     O(C) a frame
 * Fails    SettingInvalidError when a memory is out of range
 * Weak on  channels that rest and move by turns
 * Source   dispersion charts: Levene (1960), Contributions to Probability and Statistics, 278–292 (absolute deviations)
 *
 * @example
 * const detector = variability.create({ channels: 1 });
 * for (let i = 0; i < 200; i++) detector.learn([Math.sin(i)]);
 * for (let i = 0; i < 12; i++) detector.learn([9 * Math.sin(i)]);
 * detector.score([9]); // [> 5]
 */
export const variability = defineDetector({
  name: 'variability',
  summary: 'Whether a channel moves more, or less, from value to value than it used to.',
  scope: 'channel',
  settings: Settings,
  createKernel(channels, settings): DetectorKernel {
    const recentGain = 1 / settings.recent;
    const pastGain = 1 / settings.past;

    const recentStep = (state: Float64Array, base: number, value: number): number => {
      const past = state[base + PAST]! + floor(value);
      const step = Math.min(Math.abs(value - state[base + LAST]!), STEP_CLIP * past);
      const gain = Math.max(recentGain, 1 / Math.max(1, state[base + COUNT]!));
      return state[base + RECENT]! + gain * (step - state[base + RECENT]!);
    };

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
          const recent = recentStep(state, base, value);
          out.strangeness[c] = Math.abs(logRatio(recent, state[base + PAST]!, value)) / spread(state, base);
          // "Usually 0" of a channel that rested explains nothing; what moved it, other detectors say.
          const past = state[base + PAST]!;
          if (past <= floor(value) || (recent > past && state[base + COMMON]! < COMMON_RISE * past)) continue;
          out.reason[c] = ReasonCode.variability;
          out.reasonA[c] = recent;
          out.reasonB[c] = past;
        }
      },

      learn(state, at, frame, weight) {
        // That a value is normal says nothing of the step to it, and the value was learned when it came.
        if (!(weight > 0) || weight >= TEACH) return;
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

    function learnValue(state: Float64Array, base: number, values: Float64Array, index: number, weight: number): void {
      const value = values[index]!;
      const count = state[base + COUNT]!;
      if (count > 0) learnStep(state, base, value, weight);
      state[base + LAST] = value;
      state[base + COUNT] = Math.min(count + Math.min(1, weight), settings.past + LEAST_COUNT);
    }

    function learnStep(state: Float64Array, base: number, value: number, weight: number): void {
      const count = Math.max(1, state[base + COUNT]!);
      const isYoung = count < LEAST_COUNT;
      // What happened of late is a fact, whether or not it may become normal: the recent mean moves alike at any weight.
      const recent = isYoung
        ? state[base + RECENT]! + (Math.abs(value - state[base + LAST]!) - state[base + RECENT]!) / count
        : recentStep(state, base, value);
      state[base + RECENT] = recent;
      const past = state[base + PAST]!;
      const step = Math.min(Math.abs(value - state[base + LAST]!), isYoung ? Infinity : COMMON_CLIP * past);
      state[base + COMMON]! += Math.max(recentGain, 1 / count) * (step - state[base + COMMON]!);
      const ratio = logRatio(recent, past, value);
      const gain = Math.max(pastGain, 1 / count);
      state[base + PAST] = past + Math.min(1, weight * gain) * (recent - past);
      if (isYoung) return;
      const bound = CLIP * spread(state, base) * Math.max(1, weight);
      state[base + SPREAD]! += gain * Math.min(1, weight) * (Math.min(Math.abs(ratio), bound) - state[base + SPREAD]!);
    }
  },
});

const floor = (value: number): number => RELATIVE_FLOOR * Math.abs(value) + ABSOLUTE_FLOOR;

function logRatio(recent: number, past: number, value: number): number {
  return Math.log((recent + floor(value)) / (past + floor(value)));
}

function spread(state: Float64Array, base: number): number {
  return SIGMA_PER_MAD * state[base + SPREAD]! + LEAST_SPREAD;
}
