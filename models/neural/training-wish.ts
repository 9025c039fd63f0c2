/** What people may ask of a training: the same for the command line, over HTTP and on the bus. */
import { Type } from '@sinclair/typebox';
import { ARCHITECTURES } from './artifact.js';

export const TRAINING_LIMITS = {
  steps: { minimum: 4, maximum: 256 },
  latent: { minimum: 1, maximum: 256 },
  epochs: { minimum: 1, maximum: 10_000 },
  seed: { minimum: 0, maximum: 2_147_483_647 },
} as const;

export const TRAINING_DEFAULTS = { architecture: 'dense', steps: 30, epochs: 50, seed: 1 } as const;

const Name = Type.String({ minLength: 1, maxLength: 128 });

/** Fields of a schema, none of them optional. */
export const TRAINING_FIELDS = {
  devices: Type.Array(Name, { minItems: 1, maxItems: 1_000 }),
  channels: Type.Array(Name, { minItems: 1, maxItems: 256 }),
  architecture: Type.Union(ARCHITECTURES.map((architecture) => Type.Literal(architecture))),
  steps: Type.Integer(TRAINING_LIMITS.steps),
  latent: Type.Integer(TRAINING_LIMITS.latent),
  epochs: Type.Integer(TRAINING_LIMITS.epochs),
  seed: Type.Integer(TRAINING_LIMITS.seed),
} as const;
