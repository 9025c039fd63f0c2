import { Type } from '@sinclair/typebox';
import { ReasonCode } from '../domain/reasons.js';
import { defineDetector, EVEN_VOTE, type VoteWeights } from './detector.js';
import { createReferenceKernel } from './reference-kernel.js';
import { departureView, levelView, movementView, valueView, type RowView } from './row-views.js';

const Settings = Type.Object(
  {
    start: Type.Integer({
      default: 400,
      minimum: 64,
      maximum: 100_000,
      description: 'Frames from which the first model is built, before which it says nothing (default 400).',
    }),
    memory: Type.Number({
      default: 10_000,
      minimum: 100,
      maximum: 1e7,
      description: 'Memory of the model, in ordinary frames (default 10,000).',
    }),
  },
  { additionalProperties: false, default: {} },
);

/**
 * How far a frame lies from a model of the device's own ordinary frames: mean, spread and correlation of all channels
 * together, so that values which are ordinary one by one and do not go together are strange. Four detectors look in four ways
 * (`row-views.ts`): at the values, at their level, at their departure from the frames just before, at how much they move.
 *
 * Input    frame of C values; a missing one counts as the mean
 * Output   one strangeness for the frame: Mahalanobis distance with a ridge of 0.1 on the correlation, over the level that 98 %
 *          of the device's ordinary frames stay below. So 1 means the same in all four, and their logarithms can be averaged.
 *          NaN before 400 frames. Attribution: what each channel adds to the distance
 * State    C·(C+1) + 64·C + 5, then 9·C: covariance, its factor, 64 frames of the start; view, mean, range and scale of each channel
 * Cost     2·C² multiplications a frame, C³/6 more every 2,000 frames
 * Fails    SettingInvalidError when a setting is out of range
 * Weak on  devices with several ways to be well, which one mean and one ellipsoid hold together; a first fault before 400 frames
 * Source   Hotelling (1931), Annals of Mathematical Statistics 2(3), 360–378; the ridge after Hoerl & Kennard (1970),
 *          Technometrics 12(1), 55–67, in the place of a split into principal and residual components (Jackson & Mudholkar 1979,
 *          Technometrics 21(3), 341–349), with which it scores alike at a tenth of the cost; level after Box (1954), see
 *          `quadratic-form-level.ts`
 *
 * @example
 * const detector = referenceValue.create({ channels: 2 });
 * for (let i = 0; i < 500; i++) detector.learn([Math.sin(i), Math.sin(i)]);
 * detector.score([0.9, -0.9]); // [> 3]; for [0.9, 0.9] below 1
 */
function defineReference(
  name: string,
  summary: string,
  view: RowView,
  reason: ReasonCode,
  doubtsRuns: boolean,
  vote: VoteWeights,
) {
  return defineDetector({
    name,
    summary,
    scope: 'frame',
    scale: 'level',
    vote,
    settings: Settings,
    createKernel: (channels, { start, memory }) =>
      createReferenceKernel(channels, { view, reason, doubtsRuns, start, memory }),
  });
}

/** It alone follows a device that changes for good; the others keep to the state of affairs before a run of strange frames. */
export const referenceValue = defineReference(
  'reference-value',
  'How far the values lie, together, from where the device ordinarily is.',
  valueView,
  ReasonCode.value,
  false,
  { strength: 1, onset: 1, lasting: 1 },
);

/** Small shifts that last, which the noise of single frames hides. The slowest to begin, the surest while a fault lasts. */
export const referenceLevel = defineReference(
  'reference-level',
  'How far the mean of late lies, in all channels together, from where it ordinarily is.',
  levelView,
  ReasonCode.level,
  true,
  // It follows slowly: it says for how long, not where something begins.
  { strength: 1, onset: 0, lasting: 2 },
);

/** The beginning of things, wherever the device slowly drifts. */
export const referenceDeparture = defineReference(
  'reference-departure',
  'Whether the values jump from the frames just before, in all channels together.',
  departureView,
  ReasonCode.pattern,
  true,
  EVEN_VOTE,
);

/** Unrest, and channels that come to rest together; where a channel never moved before, that it moves at all. */
export const referenceMovement = defineReference(
  'reference-movement',
  'Whether the channels move, together, more or less than they ordinarily do.',
  movementView,
  ReasonCode.variability,
  true,
  // After a jump it stays high for as long as it remembers.
  { strength: 0.5, onset: 0.5, lasting: 0 },
);
