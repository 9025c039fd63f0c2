import { Type, type Static } from '@sinclair/typebox';

/** When strange scores become an alert, and when it ends. */
export const AlertingProfile = Type.Object(
  {
    openAfter: Type.Integer({
      default: 1,
      minimum: 1,
      maximum: 1_000,
      description:
        'Strange scores (at or over the threshold) within `openWithin` scores that raise an alert (default 1).',
    }),
    openWithin: Type.Integer({
      default: 5,
      minimum: 1,
      maximum: 32,
      description: 'Length of that look back, in scores (default 5).',
    }),
    closeRatio: Type.Number({
      default: 0.8,
      minimum: 0,
      maximum: 1,
      description: 'A score counts as calm when it is below this share of the threshold (default 0.8): the hysteresis.',
    }),
    closeAfter: Type.Integer({
      default: 10,
      minimum: 1,
      maximum: 100_000,
      description: 'Calm scores in a row that resolve an alert (default 10).',
    }),
  },
  { additionalProperties: false },
);
export type AlertingProfile = Static<typeof AlertingProfile>;
