/** Trained models in memory, fetched from where they are stored when a profile names one. */
import { ModelInvalidError, ModelUnavailableError } from '../models/errors.js';
import { decodeArtifact, type Artifact } from '../models/neural/artifact.js';
import type { ModelSource } from '../models/stages/scoring.js';
import type { Blobs } from '../storage/blobs/blobs.js';

/** Models in memory; of more, those not asked for longest are fetched again when they are needed. */
const MOST_MODELS = 64;

export class ModelShelf implements ModelSource {
  readonly #blobs: Blobs;
  /** The latest asked for last. */
  readonly #models = new Map<string, Artifact>();
  readonly #loading = new Map<string, Promise<void>>();

  constructor(blobs: Blobs) {
    this.#blobs = blobs;
  }

  get(version: string): Artifact | undefined {
    const model = this.#models.get(version);
    if (model === undefined) return undefined;
    this.#models.delete(version);
    this.#models.set(version, model);
    return model;
  }

  /** The model, from memory or from where it is stored. @throws as `load` */
  async fetch(version: string): Promise<Artifact> {
    if (!this.#models.has(version)) await this.load(version);
    return this.get(version)!;
  }

  /**
   * @param version of the artifact
   * @throws ModelUnavailableError when it is not stored, ModelInvalidError when what is stored is not it; errors of the storage
   */
  load(version: string): Promise<void> {
    const loading = this.#loading.get(version) ?? this.#read(version).finally(() => this.#loading.delete(version));
    this.#loading.set(version, loading);
    return loading;
  }

  async #read(version: string): Promise<void> {
    const bytes = await this.#blobs.get(version);
    if (bytes === undefined) throw new ModelUnavailableError(`the trained model ${version} is not stored`);
    const model = decodeArtifact(bytes);
    if (model.version !== version) {
      throw new ModelInvalidError(
        `the trained model ${version} must have that as the hash of its content, got ${model.version}`,
      );
    }
    this.#models.set(version, model);
    for (const [oldest] of this.#models) {
      if (this.#models.size <= MOST_MODELS) break;
      this.#models.delete(oldest);
    }
  }
}
