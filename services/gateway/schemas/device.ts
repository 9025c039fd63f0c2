import { Type, type Static } from '@sinclair/typebox';
import { OUTCOMES, type Outcome } from '../../../models/domain/outcome.js';
import { Next, word } from './common.js';
import { Score } from './score.js';

const Count = Type.Integer({ minimum: 0 });

export const Device = Type.Object(
  {
    device: Type.String(),
    profile: Type.String(),
    model: Type.String({ description: 'Version of the definition that scored last' }),
    phase: word(['warming', 'ready']),
    progress: Type.Number({ minimum: 0, maximum: 1 }),
    channels: Type.Array(Type.String()),
    firstSeen: Type.Optional(
      Type.String({ format: 'date-time', description: 'When its first reading arrived, since it was last forgotten' }),
    ),
    lastSeen: Type.String({ format: 'date-time', description: 'When the latest reading of any outcome arrived' }),
    lastReading: Type.Optional(Type.String({ format: 'date-time', description: 'Time of the latest scored reading' })),
    lastScore: Type.Optional(Type.Number()),
    threshold: Type.Optional(Type.Number()),
    isAnomaly: Type.Boolean(),
    isSilent: Type.Boolean(),
    outcomes: Type.Unsafe<Readonly<Record<Outcome, number>>>(
      Type.Object(Object.fromEntries(OUTCOMES.map((outcome) => [outcome, Count])), {
        description: 'Readings by outcome, since the device was first seen',
      }),
    ),
    openAlerts: Type.Array(Type.String()),
  },
  { $id: 'Device' },
);
export type Device = Static<typeof Device>;

export const ForgottenDevice = Type.Object(
  {
    device: Type.String(),
    state: word(['forgotten', 'asked'], '`asked`: it is in the log and will take effect'),
    remains: Type.Array(
      Type.Object({
        what: Type.String(),
        until: Type.Optional(Type.String({ format: 'date-time', description: 'Gone by then' })),
        note: Type.String(),
      }),
      { description: 'What is still on disks, shown to nobody' },
    ),
  },
  { $id: 'ForgottenDevice' },
);
export type ForgottenDevice = Static<typeof ForgottenDevice>;

export const DevicePage = Type.Object({ devices: Type.Array(Device), next: Next }, { $id: 'DevicePage' });

export const Explanation = Type.Object(
  {
    device: Device,
    latest: Type.Optional(Score),
    strange: Type.Array(Score, { description: 'The strangest score of each of the latest episodes, newest first' }),
  },
  { $id: 'Explanation' },
);
