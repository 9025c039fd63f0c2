import { Type, type Static } from '@sinclair/typebox';
import { DETECTORS } from '../detectors/index.js';

/** One detector of an ensemble; settings that are left out have the defaults of the detector's own schema. */
export interface DetectorChoice {
  name: string;
  settings: Record<string, unknown>;
}

const Choice = Type.Unsafe<DetectorChoice>(
  Type.Union(
    DETECTORS.map((detector) =>
      Type.Object(
        { name: Type.Literal(detector.name, { description: detector.summary }), settings: detector.settings },
        { additionalProperties: false },
      ),
    ),
  ),
);

/** Which detectors look at a device, and when what they say counts as strange. */
export const DetectionProfile = Type.Object(
  {
    detectors: Type.Array(Choice, {
      default: [],
      maxItems: 32,
      description:
        'The ensemble: `{name, settings}` of detectors in the catalogue (`models/detectors/index.ts`). Empty (default): the standard ensemble of this release.',
    }),
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
    patienceFrames: Type.Integer({
      default: 1_000,
      minimum: 10,
      maximum: 1_000_000,
      description:
        'Frames in a row for which strange behaviour stays strange (default 1,000). If it lasts longer it is taken for a change, and is normal after about three times as many.',
    }),
  },
  { additionalProperties: false },
);
export type DetectionProfile = Static<typeof DetectionProfile>;
