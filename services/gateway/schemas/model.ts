import { Type, type Static } from '@sinclair/typebox';
import { TRAINING_FIELDS } from '../../../models/neural/training-wish.js';
import { ProfileDefinition } from '../../../models/profiles/profile.js';
import { Note, Time, word } from './common.js';

const strict = { additionalProperties: false } as const;

/** A version, the beginning of none, or an alias. */
export const Version = Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' });
export const ModelName = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' });

const Definition = Type.Unsafe<ProfileDefinition>({ ...ProfileDefinition, $id: 'ProfileDefinition' });

export const ModelVersion = Type.Object(
  {
    version: Type.String(),
    definition: Definition,
    registered: Time,
    by: Type.String(),
    note: Type.Optional(Type.String()),
  },
  { $id: 'ModelVersion' },
);
export type ModelVersion = Static<typeof ModelVersion>;

export const Model = Type.Object(
  {
    name: Type.String(),
    versions: Type.Array(ModelVersion),
    aliases: Type.Object({ champion: Type.Optional(Type.String()), challenger: Type.Optional(Type.String()) }),
    history: Type.Array(
      Type.Object({
        type: word(['promoted', 'rolled-back', 'challenged']),
        version: Type.String(),
        at: Time,
        by: Type.String(),
        note: Type.Optional(Type.String()),
      }),
      { description: 'Oldest first' },
    ),
  },
  { $id: 'Model' },
);
export type Model = Static<typeof Model>;

export const ModelList = Type.Object({ models: Type.Array(Model) }, { $id: 'ModelList' });

export const Training = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    state: word(['running', 'done', 'failed']),
    started: Time,
    ended: Type.Optional(Time),
    by: Type.String(),
    note: Type.Optional(Type.String()),
    version: Type.Optional(Type.String({ description: 'Of the profile, that came of it' })),
    reason: Type.Optional(Type.String({ description: 'Why it failed' })),
    progress: Type.Optional(
      Type.Object({
        epoch: Type.Integer(),
        epochs: Type.Integer(),
        loss: Type.Number(),
        validationLoss: Type.Number(),
      }),
    ),
  },
  { $id: 'Training' },
);
export type Training = Static<typeof Training>;

export const Drift = Type.Object(
  {
    name: Type.String(),
    version: Type.String(),
    model: Type.Union([Type.String(), Type.Null()], { description: 'The trained model; null: this profile has none' }),
    inForce: Time,
    checked: Time,
    devices: Type.Array(
      Type.Object({
        device: Type.String(),
        verdict: word(['stable', 'moderate', 'strong']),
        inputs: Type.Record(Type.String(), Type.Number(), {
          description: 'Population stability index a channel: below 0.1 stable, from 0.25 on strong',
        }),
        errors: Type.Union([Type.Number(), Type.Null()], {
          description: 'Usual error of the model now, in units of what it was; null: it could not be compared',
        }),
      }),
      { description: 'Those that have moved farthest first' },
    ),
    unknown: Type.Integer({ minimum: 0, description: 'Devices that have recorded too little since' }),
    suggestion: Type.Union([Type.String(), Type.Null()]),
  },
  { $id: 'Drift' },
);
export type Drift = Static<typeof Drift>;

export const TrainingList = Type.Object({ trainings: Type.Array(Training) }, { $id: 'TrainingList' });

export const Register = Type.Object(
  {
    name: ModelName,
    definition: Type.Unknown({ description: 'A profile, of which anything may be left out' }),
    note: Note,
  },
  { ...strict, $id: 'RegisterModel' },
);
export const Promote = Type.Object(
  {
    version: Version,
    champion: Type.Optional(Type.String({ ...Version, description: 'Refused with 409 unless this is the champion' })),
    note: Note,
  },
  { ...strict, $id: 'Promote' },
);
export const Challenge = Type.Object({ version: Version, note: Note }, { ...strict, $id: 'Challenge' });
export const Rollback = Type.Object({ note: Note }, strict);
export const Train = Type.Object(
  {
    devices: Type.Optional(TRAINING_FIELDS.devices),
    channels: Type.Optional(TRAINING_FIELDS.channels),
    since: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Number()])),
    architecture: Type.Optional(TRAINING_FIELDS.architecture),
    window: Type.Optional(TRAINING_FIELDS.steps),
    latent: Type.Optional(TRAINING_FIELDS.latent),
    epochs: Type.Optional(TRAINING_FIELDS.epochs),
    seed: Type.Optional(TRAINING_FIELDS.seed),
    note: Note,
  },
  { ...strict, $id: 'Train' },
);
