import { Type } from '@sinclair/typebox';
import { ReasonCode } from '../domain/reasons.js';
import { defineDetector, MAX_STRANGENESS, type DetectorKernel, type FrameView } from './detector.js';

const Settings = Type.Object(
  {
    bins: Type.Integer({
      default: 48,
      minimum: 4,
      maximum: 288,
      description: 'Parts of a day (default 48: half hours).',
    }),
    days: Type.Number({
      default: 7,
      minimum: 2,
      maximum: 60,
      description: 'Memory of the profile, in days (default 7).',
    }),
  },
  { additionalProperties: false, default: {} },
);

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** A part of the day is known once it was seen on this many days. */
const LEAST_DAYS = 2;
/** The second day makes a part known when it agrees with the first, within so many usual differences between parts. */
const AGREEMENT = 10;
/** The profile speaks while its error is below this share of the error of a plain mean: else there is no daily rhythm. */
const USEFUL_SHARE = 0.8;
/** Memory of the errors, in frames, and how many there must be. */
const ERROR_HORIZON = 1_000;
const LEAST_ERRORS = 24;
const CLIP = 4;
const SIGMA_PER_MAD = 1.2533;
const BAND = 3;
const RELATIVE_FLOOR = 1e-6;
const ABSOLUTE_FLOOR = 1e-12;

const BIN = 0;
const DAY = 1;
const SUM = 2;
const WEIGHT = 3;
const ERRORS = 4;
const ERROR = 5;
const PLAIN_ERROR = 6;
const MEAN = 7;
const HEAD = 8;

/**
 * Whether a value is usual at this time of day (UTC).
 *
 * Input    frame of C values with a time; silent without one, and when frames lie further apart than
 *          a part of the day and than an hour
 * Output   per channel |value − profile| in robust standard deviations; expected value and band. NaN until the part of the
 *          day was seen on 2 days, and for a channel that the profile does not explain
 * State    C·(8 + 2·bins): the part being filled, errors with and without the profile, then level and days of each part
 * Cost     O(C) a frame
 * Fails    SettingInvalidError when a setting is out of range
 * Weak on  weekly rhythms, holidays, rhythms that drift against the clock
 * Source   seasonal exponential smoothing: Winters (1960), Management Science 6(3), 324–342; here without trend
 *
 * @example
 * const detector = seasonal.create({ channels: 1, bins: 24 });
 * for (let hour = 0; hour < 96; hour++) detector.learn([hour % 24], { timeMs: hour * 3_600_000, stepMs: 3_600_000 });
 * detector.score([18], { timeMs: 102 * 3_600_000, stepMs: 3_600_000 }); // [> 10], for at 6 o'clock it is 6
 */
export const seasonal = defineDetector({
  name: 'seasonal',
  summary: 'Whether a value is usual at this time of day.',
  scope: 'channel',
  settings: Settings,
  createKernel(channels, settings): DetectorKernel {
    const { bins, days } = settings;
    const binMs = DAY_MS / bins;
    const channelLength = HEAD + 2 * bins;
    const levels = new Float64Array(bins);

    const profileAt = (state: Float64Array, base: number, timeMs: number): number => {
      const position = (((timeMs % DAY_MS) + DAY_MS) % DAY_MS) / binMs - 0.5;
      const left = Math.floor(position);
      const level = levelOf(state, base, (left + bins) % bins);
      const next = levelOf(state, base, (left + 1) % bins);
      if (Number.isNaN(level)) return next;
      return Number.isNaN(next) ? level : level + (position - left) * (next - level);
    };
    // Hourly readings fill every other half hour; the profile is interpolated over those between.
    const isDense = (frame: FrameView): boolean =>
      Number.isFinite(frame.timeMs) && frame.stepMs <= Math.max(binMs, HOUR_MS);

    return {
      sharedLength: 0,
      channelLength,
      keepsSharedPart: true,
      init(state, at) {
        for (let c = 0; c < channels; c++) state[at + c * channelLength + BIN] = -1;
      },

      score(state, at, frame, out) {
        if (!isDense(frame)) return;
        for (let c = 0; c < channels; c++) {
          const base = at + c * channelLength;
          if (state[base + ERRORS]! < LEAST_ERRORS || !isUseful(state, base)) continue;
          const expected = profileAt(state, base, frame.timeMs);
          if (Number.isNaN(expected)) continue;
          const spread = deviation(state, base, expected);
          out.expected[c] = expected;
          out.lower[c] = expected - BAND * spread;
          out.upper[c] = expected + BAND * spread;
          const value = frame.values[c]!;
          if (Number.isNaN(value)) continue;
          out.strangeness[c] = Math.min(Math.abs(value - expected) / spread, MAX_STRANGENESS);
          out.reason[c] = ReasonCode.season;
          out.reasonA[c] = value;
          out.reasonB[c] = expected;
        }
      },

      learn(state, at, frame, weight) {
        if (!(weight > 0) || !isDense(frame)) return;
        const day = Math.floor(frame.timeMs / DAY_MS);
        const bin = Math.min(bins - 1, Math.floor((frame.timeMs - day * DAY_MS) / binMs));
        for (let c = 0; c < channels; c++) {
          const value = frame.values[c]!;
          if (Number.isNaN(value)) continue;
          const base = at + c * channelLength;
          if (state[base + BIN] !== bin || state[base + DAY] !== day) {
            closePart(state, base, days);
            state[base + BIN] = bin;
            state[base + DAY] = day;
          }
          const expected = profileAt(state, base, frame.timeMs);
          let taken = value;
          if (!Number.isNaN(expected)) {
            const errors = state[base + ERRORS]!;
            const isYoung = errors < LEAST_ERRORS;
            const bound = isYoung ? Infinity : CLIP * deviation(state, base, expected) * Math.max(1, weight);
            const error = Math.max(-bound, Math.min(bound, value - expected));
            taken = expected + error;
            const gain = Math.max(1 / ERROR_HORIZON, 1 / (errors + 1)) * Math.min(1, weight);
            state[base + ERROR]! += gain * (Math.abs(error) - state[base + ERROR]!);
            const plain = Math.abs(value - state[base + MEAN]!);
            const plainBound = isYoung ? Infinity : CLIP * SIGMA_PER_MAD * state[base + PLAIN_ERROR]! + Math.abs(error);
            state[base + PLAIN_ERROR]! += gain * (Math.min(plain, plainBound) - state[base + PLAIN_ERROR]!);
            state[base + ERRORS] = Math.min(errors + Math.min(1, weight), ERROR_HORIZON);
          }
          const share = Math.min(1, weight);
          state[base + SUM]! += share * taken;
          state[base + WEIGHT]! += share;
        }
      },
    };

    function levelOf(state: Float64Array, base: number, bin: number): number {
      const from = base + HEAD + 2 * bin;
      return state[from + 1]! >= LEAST_DAYS ? state[from]! : NaN;
    }

    /** Whether two days differ in a part no more than parts differ from each other. */
    function agree(state: Float64Array, base: number, mean: number, level: number): boolean {
      let known = 0;
      for (let from = base + HEAD; from < base + channelLength; from += 2) {
        if (state[from + 1]! > 0) levels[known++] = state[from]!;
      }
      const seen = levels.subarray(0, known);
      const median = seen.sort()[known >> 1]!;
      for (let i = 0; i < known; i++) seen[i] = Math.abs(seen[i]! - median);
      const usual = seen.sort()[known >> 1]!;
      return usual === 0 || Math.abs(mean - level) <= AGREEMENT * usual;
    }

    /** The part of the day that is over goes into the profile, and its mean into the plain mean that the profile must beat. */
    function closePart(state: Float64Array, base: number, memory: number): void {
      const weight = state[base + WEIGHT]!;
      if (weight > 0) {
        const mean = state[base + SUM]! / weight;
        const from = base + HEAD + 2 * state[base + BIN]!;
        // A bad value at power-on makes the first day's level of its part: the later day takes its place.
        const isRefuted = state[from + 1] === 1 && !agree(state, base, mean, state[from]!);
        const seen = isRefuted ? 1 : Math.min(state[from + 1]! + 1, memory);
        // A part that was seen through doubtful frames alone counts by what they weighed.
        state[from]! += (Math.min(1, weight) / seen) * (mean - state[from]!);
        state[from + 1] = seen;
        let total = 0;
        let known = 0;
        for (let bin = 0; bin < bins; bin++) {
          if (state[base + HEAD + 2 * bin + 1]! === 0) continue;
          total += state[base + HEAD + 2 * bin]!;
          known++;
        }
        state[base + MEAN] = total / known;
      }
      state[base + SUM] = 0;
      state[base + WEIGHT] = 0;
    }
  },
});

const isUseful = (state: Float64Array, base: number): boolean =>
  state[base + ERROR]! < USEFUL_SHARE * state[base + PLAIN_ERROR]!;

function deviation(state: Float64Array, base: number, expected: number): number {
  return SIGMA_PER_MAD * state[base + ERROR]! + RELATIVE_FLOOR * Math.abs(expected) + ABSOLUTE_FLOOR;
}
