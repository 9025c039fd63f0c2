import { Type } from '@sinclair/typebox';
import { OUTCOMES } from '../../../models/domain/outcome.js';
import { Measured, Next, Time, word } from './common.js';

const Channel = Type.Object(
  {
    actual: Measured,
    expected: Measured,
    lower: Measured,
    upper: Measured,
    contribution: Type.Number({
      minimum: 0,
      description: 'Share of the strangeness; 1 over all channels, or 0 for each',
    }),
    imputed: Type.Boolean({ description: 'True where the value was not measured at this time' }),
  },
  { $id: 'ScoreChannel' },
);

const SCORE = {
  ts: Time,
  kind: Type.Optional(Type.Literal('silence', { description: 'A silence of the device, which is no reading' })),
  score: Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()], {
    description: 'Higher is stranger; null where nothing was scored',
  }),
  threshold: Measured,
  isAnomaly: Type.Boolean(),
  phase: word(['warming', 'ready'], '`warming` while the detectors still learn what is usual'),
  progress: Type.Number({ minimum: 0, maximum: 1 }),
  outcome: word(OUTCOMES, 'What became of the reading; `filled` marks a step that a gap policy made up'),
  model: Type.String({ description: 'Version of the profile’s definition that scored' }),
  event: Type.Union([Type.Number(), Type.Null()], { description: 'High where an episode begins' }),
  channels: Type.Record(Type.String(), Channel),
  reasons: Type.Array(Type.String(), { description: 'Strongest first' }),
};

export const Score = Type.Object(SCORE, { $id: 'Score' });

/** As it is told live, where the device is not known from the address. */
export const LiveScore = Type.Object({ device: Type.String(), ...SCORE }, { $id: 'LiveScore' });

export const ScorePage = Type.Object(
  {
    scores: Type.Array(Score, { description: 'Oldest first' }),
    next: Next,
    isOlderUnread: Type.Optional(
      Type.Boolean({ description: 'True where older rows are missing since the log did not answer' }),
    ),
  },
  { $id: 'ScorePage' },
);
