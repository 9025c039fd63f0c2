import { Type, type Static } from '@sinclair/typebox';

/** How a device's readings become frames. */
export const WindowProfile = Type.Object(
  {
    stepMs: Type.Number({
      default: 0,
      minimum: 0,
      maximum: 31_536_000_000,
      description:
        'Sampling interval in ms. 0 (default): learned, as the median of the last 15 intervals, and followed when it changes.',
    }),
    latenessMs: Type.Number({
      default: 0,
      minimum: 0,
      maximum: 86_400_000,
      description:
        'How long to wait for readings that are overtaken by newer ones, in ms. 0 (default): a reading in order is scored at once, an overtaken one is late.',
    }),
    joinMs: Type.Number({
      default: 0,
      minimum: 0,
      maximum: 86_400_000,
      description:
        'How long to wait for the other channels of a step, in ms. 0 (default): each reading is a frame, and channels that it lacks are imputed.',
    }),
    maxFutureMs: Type.Number({
      default: 300_000,
      minimum: 0,
      maximum: 86_400_000,
      description:
        'How far after its arrival a reading may be dated, in ms (default 5 minutes). Beyond: outcome `future`.',
    }),
    gapPolicy: Type.Union([Type.Literal('missing'), Type.Literal('hold'), Type.Literal('linear')], {
      default: 'missing',
      description:
        'What stands in for missing steps. `missing` (default): nothing, the next frame says how many are missing. `hold`: the last value. `linear`: a line to the next value.',
    }),
    maxFilledSteps: Type.Integer({
      default: 60,
      minimum: 0,
      maximum: 10_000,
      description:
        'Longest gap that `hold` and `linear` fill, in steps (default 60). A longer one is treated as `missing`.',
    }),
    silentAfterSteps: Type.Number({
      default: 10,
      minimum: 0,
      maximum: 100_000,
      description:
        'A live device is silent after this many of its intervals without a usable reading (default 10). 0: never.',
    }),
    silentAfterMinMs: Type.Number({
      default: 10_000,
      minimum: 1_000,
      maximum: 86_400_000,
      description:
        'But never before this many ms (default 10 s), so that fast devices survive a hiccup of the network.',
    }),
    maxChannels: Type.Integer({
      default: 256,
      minimum: 1,
      maximum: 1_024,
      description:
        'Channels kept a device (default 256). A reading that would bring more loses the new ones that do not fit.',
    }),
  },
  { additionalProperties: false },
);
export type WindowProfile = Static<typeof WindowProfile>;
