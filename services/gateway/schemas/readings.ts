import { Type } from '@sinclair/typebox';
import { MAX_READING_CHANNELS } from '../../../models/domain/reading-parser.js';
import { MAX_READINGS } from '../reading-slices.js';

export const Reading = Type.Object(
  {
    device: Type.String({ pattern: '^[A-Za-z0-9_\\-.:@/]{1,128}$' }),
    ts: Type.Union([Type.String({ format: 'date-time' }), Type.Integer({ minimum: 0 })], {
      description: 'RFC 3339 or Unix ms',
    }),
    values: Type.Record(
      Type.String({ pattern: '^[A-Za-z0-9_\\-.:@/ %\\[\\]()°µ²³]{1,64}$' }),
      Type.Union([Type.Number(), Type.Null()]),
      {
        minProperties: 1,
        maxProperties: MAX_READING_CHANNELS,
        description: 'By channel; null: no value now',
      },
    ),
  },
  {
    additionalProperties: false,
    $id: 'Reading',
    examples: [{ device: 'pump-7', ts: '2026-01-01T00:00:00Z', values: { temp: 71.2, vib: 0.3 } }],
  },
);

export const Readings = Type.Object(
  { readings: Type.Array(Reading, { minItems: 1, maxItems: MAX_READINGS }) },
  { additionalProperties: false, $id: 'Readings' },
);

const COUNTS = {
  accepted: Type.Integer({ minimum: 0 }),
  rejected: Type.Array(Type.Object({ index: Type.Integer({ minimum: 0 }), reason: Type.String() }), {
    description: 'The first 100',
  }),
  rejectedCount: Type.Integer({ minimum: 0 }),
};

export const Accepted = Type.Object(COUNTS, { $id: 'Accepted' });
