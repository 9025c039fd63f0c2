/**
 * Looks at an LMDB file with plain reads before it is mapped.
 *
 * LMDB trusts its file: a page number that points beyond the end, or an offset beyond its page, ends the process with a
 * signal, not an error. So the meta pages are checked, and all pages of the trees that the newest one names. Values on
 * overflow pages are not read: they carry checksums of their own.
 *
 * Source: liblmdb `mdb.c`, data version 2: `MDB_page_header`, `MDB_meta`, `MDB_db`, `MDB_node`.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { StorageCorruptError } from '../../models/errors.js';

const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const PAGE_HEADER_BYTES = 24;
const NODE_HEADER_BYTES = 8;
const TREE_BYTES = 48;
const META_BYTES = 160;
const NO_PAGE = 0xffffffffffffffffn;
const BRANCH = 1;
const LEAF = 2;
const META = 8;
const BIG_DATA = 1;
const SUB_TREE = 2;
/** 400 MB of tree pages; keys of a journal of 100 GB need less. Beyond it a start would take too long. */
const MAX_PAGES_CHECKED = 100_000;

interface Meta {
  readonly pageBytes: number;
  readonly transaction: bigint;
  readonly lastPage: number;
  readonly roots: readonly bigint[];
}

const ADVICE = 'Restore all of DATA_DIR from one backup, or move all of it away to start empty';

/**
 * Does nothing when there is no file, or an empty one.
 *
 * @param advice what to do about a damaged file, for the message. The folders of DATA_DIR belong together: one of them alone
 *   must not be taken away.
 * @throws StorageCorruptError naming the file and what is wrong with it.
 */
export function checkLmdbFile(path: string, advice = ADVICE): void {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const fileBytes = fstatSync(file).size;
    if (fileBytes > 0) new FileCheck(path, file, fileBytes, advice).run();
  } finally {
    closeSync(file);
  }
}

class FileCheck {
  readonly #path: string;
  readonly #file: number;
  readonly #fileBytes: number;
  readonly #advice: string;
  #pageBytes = 0;
  #lastPage = 0;

  constructor(path: string, file: number, fileBytes: number, advice: string) {
    this.#path = path;
    this.#advice = advice;
    this.#file = file;
    this.#fileBytes = fileBytes;
  }

  run(): void {
    const first = this.#meta(0);
    if (first === undefined) throw this.#corrupt('it is not an LMDB file of this version');
    const second = this.#meta(first.pageBytes);
    if (second === undefined) throw this.#corrupt('its second meta page is damaged');
    const meta = second.transaction > first.transaction ? second : first;
    this.#pageBytes = meta.pageBytes;
    this.#lastPage = meta.lastPage;
    const needed = (meta.lastPage + 1) * meta.pageBytes;
    // LMDB allows a file that ends before pages which are free; those are never read, and the tree pages are checked below.
    if (this.#fileBytes < needed) this.#lastPage = Math.floor(this.#fileBytes / meta.pageBytes) - 1;
    this.#walk(meta.roots);
  }

  #meta(offset: number): Meta | undefined {
    const page = Buffer.alloc(META_BYTES);
    if (readSync(this.#file, page, 0, META_BYTES, offset) < META_BYTES) return undefined;
    const isMeta = (page.readUInt16LE(18) & META) !== 0 && page.readUInt32LE(24) === MAGIC;
    if (!isMeta || (page.readUInt32LE(28) & 0xffff) !== DATA_VERSION) return undefined;
    const pageBytes = page.readUInt32LE(48);
    if (pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0) return undefined;
    return {
      pageBytes,
      transaction: page.readBigUInt64LE(152),
      lastPage: Number(page.readBigUInt64LE(144)),
      roots: [page.readBigUInt64LE(88), page.readBigUInt64LE(136)],
    };
  }

  #walk(roots: readonly bigint[]): void {
    const waiting = roots.filter((root) => root !== NO_PAGE).map((root) => this.#pageNumber(root));
    const seen = new Set<number>();
    const page = Buffer.alloc(this.#pageBytes);
    for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
      if (seen.has(number)) throw this.#corrupt(`page ${number} is reached twice`);
      if (seen.size >= MAX_PAGES_CHECKED) return;
      seen.add(number);
      this.#tree(page, number, waiting);
    }
  }

  /** Checks one branch or leaf page and adds the pages that it points to. */
  #tree(page: Buffer, number: number, waiting: number[]): void {
    const read = readSync(this.#file, page, 0, this.#pageBytes, number * this.#pageBytes);
    if (read < this.#pageBytes) throw this.#corrupt(`page ${number} lies beyond its end`);
    const flags = page.readUInt16LE(18);
    const lower = page.readUInt16LE(20);
    const upper = page.readUInt16LE(22);
    const isBranch = (flags & 0xf) === BRANCH;
    const isWhole =
      page.readBigUInt64LE(0) === BigInt(number) &&
      (isBranch || (flags & 0xf) === LEAF) &&
      lower % 2 === 0 &&
      lower <= upper &&
      upper + PAGE_HEADER_BYTES <= this.#pageBytes;
    if (!isWhole) throw this.#corrupt(`page ${number} is damaged`);
    for (let slot = PAGE_HEADER_BYTES; slot < PAGE_HEADER_BYTES + lower; slot += 2) {
      const node = PAGE_HEADER_BYTES + page.readUInt16LE(slot);
      if (node < PAGE_HEADER_BYTES + upper || node + NODE_HEADER_BYTES > this.#pageBytes) {
        throw this.#corrupt(`page ${number} is damaged: a node begins at ${node}`);
      }
      this.#node(page, number, node, isBranch, waiting);
    }
  }

  #node(page: Buffer, number: number, node: number, isBranch: boolean, waiting: number[]): void {
    const low = page.readUInt32LE(node);
    const flags = page.readUInt16LE(node + 4);
    const data = node + NODE_HEADER_BYTES + page.readUInt16LE(node + 6);
    if (isBranch) {
      if (data > this.#pageBytes) throw this.#corrupt(`page ${number} is damaged: a key leaves it`);
      waiting.push(this.#pageNumber(BigInt(low) + (BigInt(flags) << 32n)));
      return;
    }
    const inPage = (flags & BIG_DATA) !== 0 ? 8 : low;
    if (data + inPage > this.#pageBytes) throw this.#corrupt(`page ${number} is damaged: a value leaves it`);
    if ((flags & BIG_DATA) !== 0) {
      const pages = Math.ceil((PAGE_HEADER_BYTES + low) / this.#pageBytes);
      this.#pageNumber(page.readBigUInt64LE(data) + BigInt(pages - 1));
    } else if ((flags & SUB_TREE) !== 0) {
      if (low !== TREE_BYTES) throw this.#corrupt(`page ${number} is damaged: a table has ${low} bytes`);
      const root = page.readBigUInt64LE(data + TREE_BYTES - 8);
      if (root !== NO_PAGE) waiting.push(this.#pageNumber(root));
    }
  }

  #pageNumber(number: bigint): number {
    if (number < 2n || number > BigInt(this.#lastPage)) {
      throw this.#corrupt(`it refers to page ${number.toString()}, and its last is ${this.#lastPage}`);
    }
    return Number(number);
  }

  #corrupt(problem: string): StorageCorruptError {
    return new StorageCorruptError(`the database ${this.#path} is damaged: ${problem}. ${this.#advice}`);
  }
}
