/**
 * Snapshots of a stage's partition, named by the input position they stand at: `snapshots/<stage>/<partition>/<position>`.
 *
 * Steps are deterministic, so a snapshot is right whoever took it. The last two are kept: if the newest cannot be read, the
 * one before and a longer replay do.
 */
import { StorageCorruptError } from '../../models/errors.js';
import type { StageName } from '../../models/stages/stage.js';
import type { Blobs } from '../../storage/blobs/blobs.js';

const KEPT = 2;
const POSITION_DIGITS = 16;

export interface Snapshot<State> {
  /** Input sequence up to which (inclusive) the state has seen everything. */
  readonly position: number;
  readonly state: State;
}

export class Snapshots {
  readonly #blobs: Blobs;
  readonly #prefix: string;

  constructor(blobs: Blobs, stage: StageName, partition: number) {
    this.#blobs = blobs;
    this.#prefix = `snapshots/${stage}/${partition}/`;
  }

  /** Positions of the snapshots there are, newest first. */
  async positions(): Promise<number[]> {
    const names = await this.#blobs.list(this.#prefix);
    return names.map((name) => Number(name.slice(this.#prefix.length))).sort((a, b) => b - a);
  }

  /**
   * The newest readable snapshot at or before `position`. A position beyond what has been committed must not be used: the
   * results between would be missing.
   *
   * @param unreadable is told of each snapshot that had to be passed over.
   */
  async newest<State>(
    position: number,
    restore: (bytes: Uint8Array) => Promise<State>,
    unreadable: (position: number, error: unknown) => void,
  ): Promise<Snapshot<State> | undefined> {
    for (const candidate of await this.positions()) {
      if (candidate > position) continue;
      try {
        const bytes = await this.#blobs.get(this.#name(candidate));
        if (bytes !== undefined) return { position: candidate, state: await restore(bytes) };
      } catch (error) {
        if (!(error instanceof StorageCorruptError)) throw error;
        unreadable(candidate, error);
      }
    }
    return undefined;
  }

  /**
   * Keeps the newest two, of which this need not be one: an owner that was paused while it took it comes late, and whoever owns
   * the partition by now has trimmed its input as far as the newer ones allow.
   *
   * @returns the replay floor: input at or before it is needed by no replay; 0 while only one snapshot stands.
   */
  async save(position: number, bytes: Uint8Array): Promise<number> {
    await this.#blobs.put(this.#name(position), bytes);
    const positions = await this.positions();
    await this.forget(positions.slice(KEPT));
    return positions[KEPT - 1] ?? 0;
  }

  /** No error for those that are gone. */
  async forget(positions: readonly number[]): Promise<void> {
    await Promise.all(positions.map((position) => this.#blobs.delete(this.#name(position))));
  }

  #name(position: number): string {
    return `${this.#prefix}${String(position).padStart(POSITION_DIGITS, '0')}`;
  }
}
