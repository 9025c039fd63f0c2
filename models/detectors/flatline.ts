import { Type } from '@sinclair/typebox';
import { ReasonCode } from '../domain/reasons.js';
import { defineDetector, TEACH, type DetectorKernel } from './detector.js';

const Settings = Type.Object(
  {
    memory: Type.Number({
      default: 2_000,
      minimum: 10,
      maximum: 1e6,
      description: 'Memory of how often a value repeats, in frames (default 2,000).',
    }),
  },
  { additionalProperties: false, default: {} },
);

/** Rounded values repeat now and then, even where they never did before: a run up to here is no reason to wake anybody. */
const EVERYDAY_RUN = 3;

const CHANNEL_LENGTH = 4;
const LAST = 0;
const RUN = 1;
const REPEATS = 2;
const COUNT = 3;

/**
 * A run of equal values that is rare for this channel: a stuck sensor, a frozen gateway.
 *
 * Input    frame of C values
 * Output   per channel −ln of the chance that a channel which repeats as often as this one does so for so long: 0 for a
 *          run of up to three. A channel that is always constant is never strange
 * State    4·C: last value, length of its run, repeats, values (both fading)
 * Cost     O(C) a frame
 * Fails    SettingInvalidError when the memory is out of range
 * Weak on  channels that rest for long at times; their calibration learns how long
 * Source   run-length test: Wald & Wolfowitz (1940), Annals of Mathematical Statistics 11(2), 147–162 (the idea)
 *
 * @example
 * const detector = flatline.create({ channels: 1 });
 * for (let i = 0; i < 50; i++) detector.learn([20 + Math.sin(i)]);
 * for (let i = 0; i < 7; i++) detector.learn([21]);
 * detector.score([21]); // [> 10]
 */
export const flatline = defineDetector({
  name: 'flatline',
  summary: 'A run of equal values that is rare for this channel: a stuck sensor.',
  scope: 'channel',
  isPlainFact: true,
  settings: Settings,
  createKernel(channels, settings): DetectorKernel {
    return {
      sharedLength: 0,
      channelLength: CHANNEL_LENGTH,
      keepsSharedPart: true,
      init: () => undefined,

      score(state, at, frame, out) {
        for (let c = 0; c < channels; c++) {
          const base = at + c * CHANNEL_LENGTH;
          const value = frame.values[c]!;
          if (Number.isNaN(value) || state[base + RUN] === 0) continue;
          const run = value === state[base + LAST] ? state[base + RUN]! + 1 : 1;
          // A run as long as the memory says all it can; else a channel that is always constant grew strange with the years.
          out.strangeness[c] =
            Math.min(Math.max(0, run - EVERYDAY_RUN), settings.memory) * -Math.log(repeatShare(state, base));
          out.reason[c] = ReasonCode.flat;
          out.reasonA[c] = run;
          out.reasonB[c] = value;
        }
      },

      learn(state, at, frame, weight) {
        for (let c = 0; c < channels; c++) {
          const value = frame.values[c]!;
          if (Number.isNaN(value)) continue;
          const base = at + c * CHANNEL_LENGTH;
          const isRepeat = state[base + RUN]! > 0 && value === state[base + LAST];
          // The verdict "normal" repeats a value that was learned when it came: it vouches for a run that is strange, and
          // of a value that is no run it says nothing.
          if (weight >= TEACH && !(isRepeat && state[base + RUN]! > EVERYDAY_RUN)) continue;
          if (weight < TEACH) state[base + RUN] = isRepeat ? state[base + RUN]! + 1 : 1;
          state[base + LAST] = value;
          if (!(weight > 0)) continue;
          const kept = 1 - Math.min(1, weight) / settings.memory;
          const share = Math.min(weight, settings.memory);
          state[base + REPEATS] = kept * state[base + REPEATS]! + (isRepeat ? share : 0);
          state[base + COUNT] = kept * state[base + COUNT]! + share;
        }
      },
    };
  },
});

function repeatShare(state: Float64Array, base: number): number {
  return (state[base + REPEATS]! + 0.5) / (state[base + COUNT]! + 1);
}
