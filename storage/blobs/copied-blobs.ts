/**
 * Blobs in two places: where all processes read them, and a copy that outlives the loss of that place, such as a folder on a volume.
 *
 * The shared side is what counts: a copy that cannot be written or read is told, and holds nothing up.
 *
 * For blobs that are named by their content alone, as trained models are: then the same name is the same bytes on both sides, and
 * whichever side lacks one takes it from the other.
 */
import { StorageCorruptError, StorageFailedError } from '../../models/errors.js';
import type { BlobName, Blobs } from './blobs.js';

export class CopiedBlobs implements Blobs {
  readonly #shared: Blobs;
  readonly #copy: Blobs;
  readonly #copied: Set<BlobName>;
  readonly #failed: (error: Error) => void;

  private constructor(shared: Blobs, copy: Blobs, copied: Set<BlobName>, failed: (error: Error) => void) {
    this.#shared = shared;
    this.#copy = copy;
    this.#copied = copied;
    this.#failed = failed;
  }

  /**
   * Brings both sides to the same blobs.
   *
   * @param copy of this process alone.
   * @param failed told of a copy that is damaged, or could not be made.
   * @throws errors of the shared side.
   */
  static async open(shared: Blobs, copy: Blobs, failed: (error: Error) => void): Promise<CopiedBlobs> {
    const inShared = new Set(await shared.list(''));
    const copied = new Set((await copySide(() => copy.list(''), failed)) ?? []);
    const both = new CopiedBlobs(shared, copy, copied, failed);
    // One at a time: a model may have megabytes.
    for (const name of copied) {
      if (inShared.has(name)) continue;
      const bytes = await copySide(() => copy.get(name), failed);
      if (bytes !== undefined) await shared.put(name, bytes);
    }
    for (const name of inShared) if (!copied.has(name)) await both.get(name);
    return both;
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
    const copied = await copySide(() => this.#copy.get(name), this.#failed);
    if (copied !== undefined) await this.#shared.put(name, copied);
    return copied;
  }

  async list(prefix: string): Promise<readonly BlobName[]> {
    const copied = (await copySide(() => this.#copy.list(prefix), this.#failed)) ?? [];
    const names = new Set([...(await this.#shared.list(prefix)), ...copied]);
    return [...names].sort((a, b) => (a < b ? -1 : 1));
  }

  async delete(name: BlobName): Promise<void> {
    await this.#copy.delete(name);
    this.#copied.delete(name);
    await this.#shared.delete(name);
  }

  async #keep(name: BlobName, bytes: Uint8Array): Promise<void> {
    await copySide(async () => {
      await this.#copy.put(name, bytes);
      this.#copied.add(name);
    }, this.#failed);
  }
}

/** @returns undefined when the copy cannot do it. */
async function copySide<T>(work: () => Promise<T>, failed: (error: Error) => void): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StorageCorruptError || error instanceof StorageFailedError)) throw error;
    failed(error);
    return undefined;
  }
}
