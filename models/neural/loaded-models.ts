import type { Artifact } from './artifact.js';

/** Trained models that are in memory, by version. */
export type LoadedModels = Pick<ReadonlyMap<string, Artifact>, 'get'>;

export const NO_MODELS: LoadedModels = new Map<string, Artifact>();
