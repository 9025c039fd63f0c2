import { Type, type Static } from '@sinclair/typebox';
import { MAX_READING_CHANNELS } from '../../../models/domain/reading-parser.js';
import { MAX_JOB_SERIES, MAX_PREDICT_ROWS, MAX_PREDICT_WINDOW, MIN_PREDICT_WINDOW } from '../../../models/settings.js';
import { Time, word } from './common.js';

export const Row = Type.Array(Type.Number(), { minItems: 1, maxItems: MAX_READING_CHANNELS });

const Series = Type.Array(Row, {
  minItems: 1,
  maxItems: MAX_PREDICT_ROWS,
  description: 'One row a step, equally many numbers in each',
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

export const BatchRequest = Type.Object(
  {
    series: Type.Array(
      Type.Object(
        { id: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })), data: Series },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: MAX_JOB_SERIES },
    ),
    window_size: WindowSize,
    method: Method,
  },
  {
    additionalProperties: false,
    $id: 'BatchRequest',
    examples: [
      {
        series: [
          { id: 'pump-1', data: [[1.2], [1.1], [1.3]] },
          { id: 'pump-2', data: [[7.1], [7.2], [7.0]] },
        ],
      },
    ],
  },
);

const JOB = {
  id: Type.String(),
  state: word(['running', 'done', 'failed']),
  done: Type.Integer({ minimum: 0, description: 'Series that have a result' }),
  total: Type.Integer({ minimum: 1 }),
  created: Time,
  ended: Type.Optional(Time),
  reason: Type.Optional(Type.String({ description: 'Why it failed' })),
};

export const Job = Type.Object(JOB, { $id: 'Job' });
export type Job = Static<typeof Job>;

export const JobStatus = Type.Object(
  {
    ...JOB,
    results: Type.Array(
      Type.Object({
        id: Type.String(),
        scores: Type.Optional(Prediction.properties.scores),
        error: Type.Optional(Type.String({ description: 'Why this series could not be scored' })),
      }),
      { description: 'Of the series that are done, in their order' },
    ),
  },
  { $id: 'JobStatus' },
);
