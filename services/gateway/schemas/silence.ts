import { Type, type Static } from '@sinclair/typebox';
import { Note, Time, word } from './common.js';

const Devices = Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
  minItems: 1,
  maxItems: 100,
  description: 'Patterns of device ids: `*` is any text, `?` one character',
});

export const Silence = Type.Object(
  {
    id: Type.String(),
    devices: Devices,
    from: Time,
    until: Time,
    by: Type.String(),
    note: Type.Optional(Type.String()),
    created: Time,
    state: word(
      ['asked', 'waiting', 'in-force', 'over', 'ended'],
      '`asked`: whether it is in force is not known, since it was not confirmed. `ended`: taken back',
    ),
  },
  { $id: 'Silence' },
);
export type Silence = Static<typeof Silence>;

export const SilenceList = Type.Object({ silences: Type.Array(Silence) }, { $id: 'SilenceList' });

export const CreateSilence = Type.Object(
  {
    devices: Devices,
    from: Type.Optional(Type.String({ maxLength: 64, description: 'RFC 3339; default now' })),
    until: Type.String({ maxLength: 64, description: 'RFC 3339; at most 90 days from now' }),
    note: Note,
  },
  {
    additionalProperties: false,
    $id: 'CreateSilence',
    examples: [{ devices: ['pump-*'], until: '2026-12-01T06:00:00Z', note: 'seals are changed' }],
  },
);
