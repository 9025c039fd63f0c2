import { Type, type Static } from '@sinclair/typebox';
import { ALERT_STATUSES, SEVERITIES } from '../../../models/domain/alert.js';
import { Next, Note, Time, word } from './common.js';

export const CHANGES = ['raised', 'escalated', 'worsened', 'acknowledged', 'resolved', 'feedback'] as const;
export const VERDICTS = ['anomaly', 'normal'] as const;

export const Alert = Type.Object(
  {
    id: Type.String(),
    device: Type.String(),
    status: word(ALERT_STATUSES),
    severity: word(SEVERITIES),
    started: Type.String({ format: 'date-time', description: 'Time of the first strange score of the episode' }),
    raised: Time,
    lastStrange: Time,
    resolved: Type.Optional(Time),
    changed: Type.String({ format: 'date-time', description: 'When its latest change arrived' }),
    peakScore: Type.Number({ minimum: 0, maximum: 1 }),
    channels: Type.Array(Type.Object({ channel: Type.String(), contribution: Type.Number() }), {
      description: 'By contribution at the peak, strongest first',
    }),
    reasons: Type.Array(Type.String()),
    profile: Type.String(),
    model: Type.String(),
    feedback: Type.Optional(word(VERDICTS)),
    history: Type.Array(
      Type.Object({
        at: Time,
        change: word(CHANGES),
        by: Type.Optional(Type.String()),
        note: Type.Optional(Type.String()),
      }),
      { description: 'Latest 50 changes, oldest first' },
    ),
  },
  { $id: 'Alert' },
);
export type Alert = Static<typeof Alert>;

export const AlertPage = Type.Object({ alerts: Type.Array(Alert), next: Next }, { $id: 'AlertPage' });

export const AlertChangeTold = Type.Object(
  { change: word(CHANGES), alert: Alert },
  { $id: 'AlertChange', description: 'As it is told live' },
);

const strict = { additionalProperties: false } as const;
export const NoteOnly = Type.Object({ note: Note }, strict);
export const Feedback = Type.Object({ verdict: word(VERDICTS), note: Note }, { ...strict, $id: 'Feedback' });
