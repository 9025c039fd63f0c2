/** Puts and removes that become one transaction. Gathered first, so that their space can be had before LMDB begins. */
import type { Database } from 'lmdb';

export type LmdbTable = Database<Uint8Array>;
export type LmdbKey = number | (number | string)[];

const PAGE_HEADER_BYTES = 24;
/** Values up to about this size lie in the leaf with their key. */
const INLINE_BYTES = 2_000;
/** Branches and a leaf that one change copies: a tree of 4 levels holds hundreds of millions of keys. */
const PATH_PAGES = 4;
/** For LMDB's own table of free pages. */
const FREE_LIST_PAGES = 128;

export class WriteSet {
  readonly #writes: {
    readonly table: LmdbTable;
    readonly key: LmdbKey;
    readonly value: Uint8Array | undefined;
  }[] = [];
  readonly #absent: { readonly table: LmdbTable; readonly key: LmdbKey }[] = [];
  readonly #clears: LmdbTable[] = [];
  #inlineBytes = 0;
  readonly #large: number[] = [];

  put(table: LmdbTable, key: LmdbKey, value: Uint8Array): void {
    this.#writes.push({ table, key, value });
    if (value.length <= INLINE_BYTES) this.#inlineBytes += value.length;
    else this.#large.push(value.length);
  }

  remove(table: LmdbTable, key: LmdbKey): void {
    this.#writes.push({ table, key, value: undefined });
  }

  /** Removes all that is in the table, before what is put. */
  clear(table: LmdbTable): void {
    this.#clears.push(table);
  }

  /** The whole set is written only if `key` is not there. */
  expectAbsent(table: LmdbTable, key: LmdbKey): void {
    this.#absent.push({ table, key });
  }

  /** To be called inside an lmdb batch. @returns for each expectation whether it held; all or none of the set is written. */
  apply(): readonly Promise<boolean>[] {
    const held: Promise<boolean>[] = [];
    // One condition inside the other: only where all hold are the writes reached.
    const within = (depth: number): void => {
      const expected = this.#absent[depth];
      if (expected === undefined) this.#write();
      else
        held.push(
          expected.table.ifNoExists(expected.key, () => {
            within(depth + 1);
          }),
        );
    };
    within(0);
    return held;
  }

  #write(): void {
    for (const table of this.#clears) void table.clearAsync();
    for (const { table, key, value } of this.#writes) {
      // The promise of the batch says how it went.
      void (value === undefined ? table.remove(key) : table.put(key, value));
    }
  }

  /**
   * An upper bound of the bytes that the transaction can add to the file.
   *
   * @param treePages branch and leaf pages of all tables, as they are now.
   */
  mostBytes(pageBytes: number, treePages: number): number {
    const count = this.#writes.length;
    let pages = FREE_LIST_PAGES;
    for (const bytes of this.#large) pages += Math.ceil((PAGE_HEADER_BYTES + bytes) / pageBytes);
    // Every page of every tree copied once, and what is new in half-filled leaves.
    const wholeTrees = 2 * treePages + (2 * this.#inlineBytes) / (pageBytes / 2) + count / 8 + 64;
    pages += Math.min(PATH_PAGES * count + (2 * this.#inlineBytes) / (pageBytes / 2), wholeTrees);
    // The numbers of the pages that become free, 8 bytes each.
    if (this.#clears.length > 0) pages += treePages / (pageBytes / 16);
    return Math.ceil(pages) * pageBytes;
  }
}
