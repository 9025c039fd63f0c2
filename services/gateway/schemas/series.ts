/** Requests and answers in the documented shape of a service that was switched off in October 2026. */
import { Type } from '@sinclair/typebox';
import { MAX_DETECT_POINTS, MIN_DETECT_POINTS } from '../../../models/series/detect-series.js';
import { GRANULARITIES, IMPUTE_MODES } from '../../../models/series/regular-grid.js';
import { word } from './common.js';

const strict = { additionalProperties: false } as const;

export const DetectRequest = Type.Object(
  {
    series: Type.Array(
      Type.Object({ timestamp: Type.Optional(Type.String({ maxLength: 64 })), value: Type.Number() }, strict),
      {
        minItems: MIN_DETECT_POINTS,
        maxItems: MAX_DETECT_POINTS,
        description: 'In the order of time. `timestamp` may be left out, for all points, with the granularity `none`',
      },
    ),
    granularity: Type.Optional(word(GRANULARITIES, 'Default `none`')),
    customInterval: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Default 1' })),
    period: Type.Optional(
      Type.Integer({ minimum: 0, maximum: MAX_DETECT_POINTS, description: '0 (default): found by itself' }),
    ),
    maxAnomalyRatio: Type.Optional(Type.Number({ minimum: 0, maximum: 0.5, description: 'Default 0.25' })),
    sensitivity: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 99,
        description: 'Default 95. A point is strange beyond (100 - sensitivity) margins around the expected value',
      }),
    ),
    imputeMode: Type.Optional(word(IMPUTE_MODES, 'What stands in for points that are missing; default `auto`, a line')),
    imputeFixedValue: Type.Optional(Type.Number()),
  },
  {
    ...strict,
    $id: 'DetectRequest',
    examples: [
      {
        granularity: 'daily',
        series: [22, 21, 23, 22, 21, 22, 60, 22, 23, 21, 22, 22].map((value, day) => ({
          timestamp: `2026-01-${String(day + 1).padStart(2, '0')}T00:00:00Z`,
          value,
        })),
      },
    ],
  },
);

const Period = Type.Integer({ minimum: 0, description: 'Points of one period; 0: no pattern' });
const list = <T extends ReturnType<typeof Type.Number> | ReturnType<typeof Type.Boolean>>(item: T) => Type.Array(item);

export const EntireDetection = Type.Object(
  {
    period: Period,
    expectedValues: list(Type.Number()),
    upperMargins: list(Type.Number()),
    lowerMargins: list(Type.Number()),
    isAnomaly: list(Type.Boolean()),
    isPositiveAnomaly: list(Type.Boolean()),
    isNegativeAnomaly: list(Type.Boolean()),
    severity: list(Type.Number()),
  },
  { $id: 'EntireDetection', description: 'One entry a point' },
);

export const LastDetection = Type.Object(
  {
    period: Period,
    suggestedWindow: Type.Integer({
      description: 'Points to send for the next one: four periods and the point itself',
    }),
    expectedValue: Type.Number(),
    upperMargin: Type.Number(),
    lowerMargin: Type.Number(),
    isAnomaly: Type.Boolean(),
    isPositiveAnomaly: Type.Boolean(),
    isNegativeAnomaly: Type.Boolean(),
    severity: Type.Number(),
  },
  { $id: 'LastDetection' },
);
