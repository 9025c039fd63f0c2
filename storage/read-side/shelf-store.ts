/**
 * Short-lived answers in LMDB: table `shelves`, key [shelf, first half of the SHA-256 of tenant and key in hex], value the
 * end of its life (float64, Unix ms) and the bytes; table `shelf-ends`, keys [end, shelf, hash], by which they are removed.
 */
import { createHash } from 'node:crypto';
import { openSealed, sealBytes } from '../lmdb/checked-value.js';
import type { LmdbEnvironment } from '../lmdb/lmdb-environment.js';
import type { LmdbTable, WriteSet } from '../lmdb/write-set.js';
import type { Shelf } from './read-side.js';

const SHELVES: readonly Shelf[] = ['idempotency', 'job', 'cache', 'key-use'];
const NOTHING = new Uint8Array(0);
const END_BYTES = 8;
/** Each `put` removes so many that are over: the shelves cannot grow faster than they are used. */
const SWEEP = 8;
const EXPIRE_AT_ONCE = 1_000;

type EndKey = readonly [endMs: number, shelf: number, hash: string];

export class ShelfStore {
  readonly #environment: LmdbEnvironment;
  readonly #shelves: LmdbTable;
  readonly #ends: LmdbTable;
  /** The latest time that a caller told: the read side has no clock of its own. */
  #latestMs = -Infinity;

  constructor(environment: LmdbEnvironment) {
    this.#environment = environment;
    this.#shelves = environment.table('shelves');
    this.#ends = environment.table('shelf-ends');
  }

  async put(shelf: Shelf, tenant: string, key: string, value: Uint8Array, ttlMs: number, nowMs: number): Promise<void> {
    if (!(ttlMs > 0)) throw new RangeError(`ttlMs must be > 0, got ${ttlMs}`);
    this.#latestMs = Math.max(this.#latestMs, nowMs);
    const at = keyOf(shelf, tenant, key);
    const endMs = nowMs + ttlMs;
    const bytes = new Uint8Array(END_BYTES + value.length);
    new DataView(bytes.buffer).setFloat64(0, endMs, true);
    bytes.set(value, END_BYTES);
    const over = this.#over(nowMs, SWEEP);
    await this.#environment.commit((writes) => {
      for (const end of over) this.#remove(writes, end);
      writes.put(this.#shelves, at, sealBytes(bytes));
      writes.put(this.#ends, [endMs, ...at], NOTHING);
    });
  }

  get(shelf: Shelf, tenant: string, key: string, nowMs: number): Uint8Array | undefined {
    this.#latestMs = Math.max(this.#latestMs, nowMs);
    const stored = this.#stored(keyOf(shelf, tenant, key));
    return stored !== undefined && stored.endMs > nowMs ? stored.value : undefined;
  }

  /** Removes what is over at `beforeMs`, or at the latest time that was told: at most 1,000 a call. */
  async expire(beforeMs: number): Promise<void> {
    const over = this.#over(Math.max(beforeMs, this.#latestMs), EXPIRE_AT_ONCE);
    if (over.length === 0) return;
    await this.#environment.commit((writes) => {
      for (const end of over) this.#remove(writes, end);
    });
  }

  #over(nowMs: number, limit: number): readonly EndKey[] {
    return [...this.#ends.getKeys({ end: [nowMs], limit })] as unknown as EndKey[];
  }

  /** The value may have been put again with a later end. */
  #remove(writes: WriteSet, [endMs, shelf, hash]: EndKey): void {
    writes.remove(this.#ends, [endMs, shelf, hash]);
    if (this.#stored([shelf, hash])?.endMs === endMs) writes.remove(this.#shelves, [shelf, hash]);
  }

  #stored(at: readonly [number, string]): { readonly endMs: number; readonly value: Uint8Array } | undefined {
    const sealed = this.#shelves.getBinary([...at]);
    if (sealed === undefined) return undefined;
    const bytes = openSealed(sealed, `an entry of the shelf ${SHELVES[at[0]] ?? at[0]}`);
    const endMs = new DataView(bytes.buffer, bytes.byteOffset, END_BYTES).getFloat64(0, true);
    return { endMs, value: new Uint8Array(bytes.buffer, bytes.byteOffset + END_BYTES, bytes.length - END_BYTES) };
  }
}

function keyOf(shelf: Shelf, tenant: string, key: string): [number, string] {
  const hash = createHash('sha256').update(`${tenant}/${key}`).digest('hex').slice(0, 32);
  return [SHELVES.indexOf(shelf), hash];
}
