import { Type } from '@sinclair/typebox';
import { ReasonCode } from '../domain/reasons.js';
import { defineDetector, TEACH, type DetectorKernel } from './detector.js';

const Settings = Type.Object(
  {
    memory: Type.Number({
      default: 2_000,
      minimum: 10,
      maximum: 1e6,
      description: 'Memory of how often a channel lacks a value, in frames (default 2,000).',
    }),
  },
  { additionalProperties: false, default: {} },
);

/** One or two missing values are everyday life, even where there were none before: no reason to wake anybody. */
const EVERYDAY_STEPS = 2;

const CHANNEL_LENGTH = 3;
const RUN = 0;
const MISSES = 1;
const COUNT = 2;

/**
 * Steps without a value that are rare for this channel: a lost probe (its channel is missing while others report), or a gap
 * in the readings of the whole device. A device that stops altogether has no frames; the window stage reports its silence.
 *
 * Input    frame of C values, their imputed flags and the gap before it
 * Output   per channel −ln of the chance that a channel which misses as often as this one does so for so long; 0 when at most
 *          two steps are missing
 * State    3·C: steps since the last value, misses, steps (both fading)
 * Cost     O(C) a frame
 * Fails    SettingInvalidError when the memory is out of range
 * Weak on  devices that send their channels in turns: their calibration learns the turns, and a loss takes longer to show
 * Source   run-length test, as in `flatline`
 *
 * @example
 * const detector = missing.create({ channels: 2 });
 * for (let i = 0; i < 50; i++) detector.learn([1, 2]);
 * for (let i = 0; i < 6; i++) detector.learn([1, NaN]);
 * detector.score([1, NaN]); // [0, > 10]
 */
export const missing = defineDetector({
  name: 'missing',
  summary: 'Steps without a value that are rare for this channel: a lost probe or a gap.',
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
          if (state[base + COUNT] === 0) continue;
          const isLost = Number.isNaN(frame.values[c]!);
          const steps = frame.gapSteps + (isLost ? state[base + RUN]! + 1 : 0);
          const more = Math.max(0, Math.min(steps, settings.memory) - EVERYDAY_STEPS);
          out.strangeness[c] = more * -Math.log(missShare(state, base));
          out.reason[c] = isLost ? ReasonCode.missing : ReasonCode.gap;
          out.reasonA[c] = steps;
        }
      },

      learn(state, at, frame, weight) {
        for (let c = 0; c < channels; c++) {
          const base = at + c * CHANNEL_LENGTH;
          const isLost = Number.isNaN(frame.values[c]!);
          // The verdict "normal" shows the last values once more, which says nothing of how often they are missing.
          if (weight >= TEACH && !isLost) continue;
          state[base + RUN] = isLost ? state[base + RUN]! + 1 + frame.gapSteps : 0;
          if (!(weight > 0)) continue;
          // A gap is one event, however long: thousands of steps must not drown what is known.
          const missed = (isLost ? 1 : 0) + (frame.gapSteps > 0 ? 1 : 0);
          const kept = 1 - Math.min(1, weight) / settings.memory;
          const share = Math.min(weight, settings.memory);
          state[base + MISSES] = kept * state[base + MISSES]! + share * missed;
          state[base + COUNT] = kept * state[base + COUNT]! + share * Math.max(1, missed);
        }
      },
    };
  },
});

function missShare(state: Float64Array, base: number): number {
  return (state[base + MISSES]! + 0.5) / (state[base + COUNT]! + 1);
}
