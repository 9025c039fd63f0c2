import { Type, type Static } from '@sinclair/typebox';
import { ENSEMBLE_NAMES } from '../detectors/ensembles.js';
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
    ensemble: Type.Union(
      ENSEMBLE_NAMES.map((name) => Type.Literal(name)),
      {
        default: 'standard',
        description:
          'Which ready-made ensemble: `light` (1 KB a channel, each channel by itself), `standard` (default) or `deep` (a longer memory besides).',
      },
    ),
    without: Type.Array(Type.Union(DETECTORS.map(({ name }) => Type.Literal(name))), {
      default: [],
      maxItems: 32,
      description: 'Detectors of the ready-made ensemble that are left out (default none).',
    }),
    detectors: Type.Array(Choice, {
      default: [],
      maxItems: 32,
      description:
        'An ensemble of one’s own, in the place of a ready-made one: `{name, settings}` of detectors in the catalogue (`models/detectors/index.ts`). Default: empty.',
    }),
    model: Type.Optional(
      Type.String({
        pattern: '^[0-9a-f]{64}$',
        description:
          'Version of a trained model that looks at the device besides (default none). `redshank train` makes them.',
      }),
    ),
    retrain: Type.Optional(
      Type.Union([Type.Literal('suggest'), Type.Literal('auto')], {
        description:
          'What happens when devices drift away from what the trained model came into force for. `suggest` (as without it): it is told. `auto`: a training begins, at most once a week; what comes of it is a challenger, not in force.',
      }),
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
