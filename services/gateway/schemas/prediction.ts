import { Type } from '@sinclair/typebox';
import { MAX_READING_CHANNELS } from '../../../models/domain/reading-parser.js';
import { MAX_PREDICT_ROWS, MAX_PREDICT_WINDOW, MIN_PREDICT_WINDOW } from '../../../models/settings.js';

export const Row = Type.Array(Type.Number(), { minItems: 1, maxItems: MAX_READING_CHANNELS });

const Series = Type.Array(Row, {
  minItems: 1,
  maxItems: MAX_PREDICT_ROWS,
  description: 'One row a step, equally many numbers in each; at most `detection.batch_size` rows',
});

export const WindowSize = Type.Optional(
  Type.Integer({
    minimum: MIN_PREDICT_WINDOW,
    maximum: MAX_PREDICT_WINDOW,
    description: 'Rows that are taken as context before one can be an anomaly',
  }),
);

export const Method = Type.Optional(
  Type.String({
    pattern: '^[a-z0-9-]{1,64}$',
    description:
      '`ensemble` (default), `streaming`, `autoencoder`, or the name of a detector; a wrong one is told the choices',
  }),
);

export const PredictRequest = Type.Object(
  { data: Series, window_size: WindowSize, method: Method },
  {
    additionalProperties: false,
    $id: 'PredictRequest',
    examples: [
      {
        data: [
          [1.2, 3.4],
          [1.1, 3.5],
          [1.3, 3.4],
        ],
        window_size: 30,
        method: 'ensemble',
      },
    ],
  },
);

export const Prediction = Type.Object(
  {
    scores: Type.Array(
      Type.Object({
        score: Type.Number({ minimum: 0, maximum: 1 }),
        isAnomaly: Type.Boolean(),
        threshold: Type.Number(),
      }),
      { description: 'One a row' },
    ),
  },
  { $id: 'Prediction' },
);
