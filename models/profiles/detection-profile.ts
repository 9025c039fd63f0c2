import { Type, type Static } from '@sinclair/typebox';

/** Which detectors look at a device, and when what they say counts as strange. */
export const DetectionProfile = Type.Object(
  {
    detectors: Type.Array(
      Type.Object({
        name: Type.String({ description: 'Name in the catalogue (`models/detectors/index.ts`).' }),
        settings: Type.Record(Type.String(), Type.Unknown(), {
          default: {},
          description: 'Settings of that detector; what is left out has the default of its schema.',
        }),
      }),
      {
        default: [],
        maxItems: 32,
        description: 'The ensemble. Empty (default): the standard ensemble of this release.',
      },
    ),
    warmUpFrames: Type.Integer({
      default: 120,
      minimum: 10,
      maximum: 100_000,
      description: 'Frames until a device is `ready` (default 120). Before, scores are coarse and raise no alert.',
    }),
    falseAlarmsPerWeek: Type.Number({
      default: 0.5,
      exclusiveMinimum: 0,
      maximum: 10_000,
      description:
        'Expected false alarms a device-week on ordinary data (default 0.5): the operator’s number behind the threshold.',
    }),
  },
  { additionalProperties: false },
);
export type DetectionProfile = Static<typeof DetectionProfile>;
