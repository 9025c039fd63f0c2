/**
 * Blobs in two places: where all processes read them, and a copy that outlives the loss of that place, such as a folder on a volume.
 *
 * For blobs that are named by their content alone, as trained models are: then the same name is the same bytes on both sides, and
 * whichever side lacks one takes it from the other.
 */
import { StorageCorruptError } from '../../models/errors.js';
import type { BlobName, Blobs } from './blobs.js';

export class CopiedBlobs implements Blobs {
  readonly #shared: Blobs;
  readonly #copy: Blobs;
  readonly #copied: Set<BlobName>;

  private constructor(shared: Blobs, copy: Blobs, copied: Set<BlobName>) {
    this.#shared = shared;
    this.#copy = copy;
    this.#copied = copied;
  }

  /**
   * Brings both sides to the same blobs.
   *
   * @param copy of this process alone.
   * @param onDamage told of a copy that is damaged, and passed over.
   * @throws errors of either side.
   */
  static async open(shared: Blobs, copy: Blobs, onDamage: (message: string) => void): Promise<CopiedBlobs> {
    const inShared = new Set(await shared.list(''));
    const copied = new Set(await copy.list(''));
    // One at a time: a model may have megabytes.
    for (const name of copied) {
      if (inShared.has(name)) continue;
      try {
        const bytes = await copy.get(name);
        if (bytes !== undefined) await shared.put(name, bytes);
      } catch (error) {
        if (!(error instanceof StorageCorruptError)) throw error;
        onDamage(error.message);
      }
    }
    for (const name of inShared) {
      if (copied.has(name)) continue;
      const bytes = await shared.get(name);
      if (bytes === undefined) continue;
      await copy.put(name, bytes);
      copied.add(name);
    }
    return new CopiedBlobs(shared, copy, copied);
  }

  async put(name: BlobName, bytes: Uint8Array): Promise<void> {
    await this.#shared.put(name, bytes);
    await this.#keep(name, bytes);
  }

  /** What others have stored meanwhile is copied when it is read. */
  async get(name: BlobName): Promise<Uint8Array | undefined> {
    const shared = await this.#shared.get(name);
    if (shared !== undefined) {
      if (!this.#copied.has(name)) await this.#keep(name, shared);
      return shared;
    }
    const copied = await this.#copy.get(name);
    if (copied !== undefined) await this.#shared.put(name, copied);
    return copied;
  }

  async list(prefix: string): Promise<readonly BlobName[]> {
    const names = new Set([...(await this.#shared.list(prefix)), ...(await this.#copy.list(prefix))]);
    return [...names].sort((a, b) => (a < b ? -1 : 1));
  }

  async delete(name: BlobName): Promise<void> {
    await this.#copy.delete(name);
    this.#copied.delete(name);
    await this.#shared.delete(name);
  }

  async #keep(name: BlobName, bytes: Uint8Array): Promise<void> {
    await this.#copy.put(name, bytes);
    this.#copied.add(name);
  }
}
