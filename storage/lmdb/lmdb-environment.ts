/**
 * One LMDB environment (a folder with `data.mdb`), opened so that a resolved commit is on the disk and so that only what is
 * on the disk can be seen.
 *
 * `overlappingSync: false` — a commit syncs before it becomes visible and before it resolves. With lmdb's default,
 * readers see a commit before it is synced, and could act on what a power cut takes back. The price is nothing here: 32
 * values of 8 KB commit and sync in about 1.1 ms either way, since writers gather their own groups.
 * `eventTurnBatching: false` — with it on, lmdb makes one more promise a turn that nobody can reach, and a full disk
 * becomes an unhandled rejection.
 */
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { RedshankError, StorageCorruptError, StorageFailedError } from '../../models/errors.js';
import { CommitWatch } from './commit-watch.js';
import { FileSpace } from './file-space.js';
import { checkLmdbFile } from './lmdb-file-check.js';
import { WriteSet, type LmdbTable } from './write-set.js';
import { makeFolder } from '../make-folder.js';

export interface LmdbOptions {
  /** Longest time a commit may take before the environment counts as broken, in ms. Default 30,000. */
  readonly commitTimeoutMs?: number;
  /** What somebody should do when the file is damaged, for the message. Default: about all of DATA_DIR. */
  readonly advice?: string;
}

/** LMDB maps the file; address space costs nothing, and growing the map under readers would. */
const MAP_BYTES = 2 ** 36;
const MAX_TABLES = 16;
const FILE = 'data.mdb';
/** Room for the pages of all tables when they are created. */
const OPENING_BYTES = 2 ** 20;
/** Kept free at the end of the file: so that on a full disk there is room to trim, which needs some itself. */
const SPARE_BYTES = 2 ** 22;
/** So much more must be free inside the file than a commit needs, since a large value needs pages side by side. */
const FREE_FACTOR = 4;
/** A disk that was full counts as full for so long, in ms: it is not asked at every write. */
const FULL_FOR_MS = 2_000;
const META_PAGES = 2;
const FOREIGN_WRITER =
  'another process has written to it, although one at a time may: see who else uses this DATA_DIR, stop that, and restart';
/** MDB_INVALID, MDB_VERSION_MISMATCH, MDB_CORRUPTED, MDB_PAGE_NOTFOUND. */
const CORRUPT_CODES = new Set([-30793, -30794, -30796, -30797]);

interface TreeStats {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

/** What lmdb's `getStats` gives for the root; its own type is `{}`. */
interface EnvironmentStats {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly root: TreeStats;
  readonly free: TreeStats;
}

export class LmdbEnvironment {
  readonly directory: string;
  readonly #root: RootDatabase<Uint8Array>;
  readonly #commitTimeoutMs: number;
  readonly #space: FileSpace;
  readonly #tables: LmdbTable[] = [];
  /** Bytes that commits under way may add to the file. */
  #reservedBytes = 0;
  #extending: Promise<void> | undefined;
  #idle: (() => void) | undefined;
  readonly #inFlight = new Set<Promise<void>>();
  #broken: StorageFailedError | undefined;
  /** LMDB's writer hangs in a commit, as far as anybody can tell. */
  #isStuck = false;
  #fullUntilMs = -Infinity;
  #isClosed = false;

  private constructor(directory: string, root: RootDatabase<Uint8Array>, commitTimeoutMs: number) {
    this.directory = directory;
    this.#root = root;
    this.#space = new FileSpace(join(directory, FILE));
    this.#space.reachNow(this.#usedBytes() + OPENING_BYTES);
    this.#commitTimeoutMs = commitTimeoutMs;
  }

  /**
   * Opens or creates the environment in `directory`.
   *
   * @throws StorageCorruptError the file there is no LMDB file of this version, is cut short, or its pages are damaged.
   * @throws StorageFailedError the folder or file cannot be read or written.
   */
  static open(directory: string, options: LmdbOptions = {}): LmdbEnvironment {
    const file = join(directory, FILE);
    try {
      makeFolder(directory);
      checkLmdbFile(file, options.advice);
      const root = open<Uint8Array>({
        path: directory,
        // Without it lmdb takes a folder with a dot in its name for a file.
        noSubdir: false,
        encoding: 'binary',
        maxDbs: MAX_TABLES,
        mapSize: MAP_BYTES,
        overlappingSync: false,
        eventTurnBatching: false,
      });
      return new LmdbEnvironment(directory, root, options.commitTimeoutMs ?? 30_000);
    } catch (error) {
      if (error instanceof RedshankError) throw error;
      throw translated(error, `cannot open the database ${file}`);
    }
  }

  /** The table `name` of this environment, created when missing. For reading; `commit` writes. */
  table(name: string): LmdbTable {
    try {
      const table = this.#root.openDB<Uint8Array>({ name, encoding: 'binary' });
      this.#tables.push(table);
      return table;
    } catch (error) {
      throw translated(error, `cannot open the table ${name} in ${this.directory}`);
    }
  }

  /** Why nothing can be written any more until a restart. */
  get failure(): string | undefined {
    return this.#broken?.message;
  }

  /** Bytes of the file that hold something, and those that more could take: in the file, and on the disk. */
  async space(): Promise<{ readonly usedBytes: number; readonly freeBytes: number | undefined }> {
    const freePages = this.#pages('free') * this.#pageBytes();
    const onDisk = await freeOnDisk(this.directory);
    return {
      usedBytes: this.#usedBytes() - freePages,
      freeBytes: onDisk === Infinity ? undefined : onDisk + this.#space.bytes - this.#usedBytes() + freePages,
    };
  }

  /** Room for writes, in bytes: on the disk, at the end of the file, and in it where something was removed. At least `enough`, or all. */
  async freeBytes(enough: number): Promise<number> {
    const onDisk = performance.now() < this.#fullUntilMs ? 0 : await freeOnDisk(this.directory);
    if (onDisk >= enough || this.#isClosed) return onDisk;
    return onDisk + this.#space.bytes - this.#usedBytes() + this.#pages('free') * this.#pageBytes();
  }

  /**
   * Calls `gather` at once, and makes one transaction of what it put into the set. Resolves when that is on the disk.
   *
   * @throws StorageFailedError none of the writes happened; later commits work again when the disk does.
   */
  commit(gather: (writes: WriteSet) => void): Promise<void> {
    return this.#start(gather, SPARE_BYTES);
  }

  /** The same for what makes room, at most 64 removes: it may use the room that is kept for this. */
  reclaim(gather: (writes: WriteSet) => void): Promise<void> {
    return this.#start(gather, 0);
  }

  /** Waits for commits in flight, then closes. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.all(this.#inFlight);
    // A broken environment has a writer that never ends; closing would wait for it.
    if (!this.#isStuck) await this.#root.close();
  }

  #start(gather: (writes: WriteSet) => void, spareBytes: number): Promise<void> {
    const writes = new WriteSet();
    gather(writes);
    const commit = this.#commit(writes, spareBytes);
    const settled = commit.then(
      () => {},
      () => {},
    );
    this.#inFlight.add(settled);
    void settled.then(() => this.#inFlight.delete(settled));
    return commit;
  }

  async #commit(writes: WriteSet, spareBytes: number): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#isClosed) throw new StorageFailedError(`the database ${this.directory} is closed`);
    let reserved = 0;
    try {
      reserved = await this.#reserve(writes, spareBytes);
      let held: readonly Promise<boolean>[] = [];
      await this.#inTime(
        this.#root.batch(() => {
          held = writes.apply();
        }),
      );
      if ((await Promise.all(held)).includes(false)) throw this.#break(FOREIGN_WRITER);
    } catch (error) {
      throw error instanceof StorageFailedError
        ? error
        : translated(await causeOf(error), `cannot write to the database ${this.directory}`);
    } finally {
      this.#reservedBytes -= reserved;
      if (this.#reservedBytes === 0) this.#idle?.();
    }
  }

  /** Makes sure that the file has room for `writes` and for all commits under way. @returns the bytes that are theirs now */
  async #reserve(writes: WriteSet, spareBytes: number): Promise<number> {
    while (this.#extending !== undefined) await this.#extending.catch(() => {});
    let bytes = writes.mostBytes(this.#pageBytes(), Infinity);
    if (!this.#hasRoom(bytes + spareBytes)) {
      bytes = writes.mostBytes(this.#pageBytes(), this.#pages('tree'));
      if (!this.#hasRoom(bytes + spareBytes)) await this.#makeRoom(bytes, spareBytes);
    }
    this.#reservedBytes += bytes;
    return bytes;
  }

  async #makeRoom(bytes: number, spareBytes: number): Promise<void> {
    this.#extending = this.#extend(bytes + spareBytes).finally(() => (this.#extending = undefined));
    try {
      await this.#extending;
    } catch (error) {
      this.#fullUntilMs = performance.now() + FULL_FOR_MS;
      // The disk is full. What was trimmed can be used again, and the spare room is there in case it does not fit.
      const freeBytes = this.#pages('free') * this.#pageBytes();
      if (freeBytes < FREE_FACTOR * bytes || !this.#hasRoom(bytes + spareBytes / 2)) throw error;
    }
  }

  /** Waits until LMDB writes nothing, since two writers at the end of one file would meet. */
  async #extend(bytes: number): Promise<void> {
    if (this.#reservedBytes > 0) {
      await this.#inTime(new Promise<void>((resolve) => (this.#idle = resolve)));
      this.#idle = undefined;
    }
    await this.#space.reach(this.#usedBytes() + bytes);
  }

  #hasRoom(bytes: number): boolean {
    return this.#space.has(this.#usedBytes() + this.#reservedBytes + bytes);
  }

  #usedBytes(): number {
    const { lastPageNumber, pageSize } = this.#root.getStats() as EnvironmentStats;
    return (lastPageNumber + 1) * pageSize;
  }

  #pageBytes(): number {
    return (this.#root.getStats() as EnvironmentStats).pageSize;
  }

  /** Branch and leaf pages of all tables; or pages that nothing uses any more. */
  #pages(of: 'tree' | 'free'): number {
    const { root, free, lastPageNumber } = this.#root.getStats() as EnvironmentStats;
    let tree = 0;
    let large = 0;
    for (const stats of [root, free, ...this.#tables.map((table) => table.getStats() as TreeStats)]) {
      tree += stats.treeBranchPageCount + stats.treeLeafPageCount;
      large += stats.overflowPages;
    }
    return of === 'tree' ? tree : lastPageNumber + 1 - META_PAGES - tree - large;
  }

  /** LMDB never answers when its writer cannot begin a transaction; nothing may wait for ever. */
  async #inTime(committed: Promise<unknown>): Promise<void> {
    const watch = new CommitWatch(this.#commitTimeoutMs);
    try {
      await Promise.race([committed, watch.late]);
    } catch (error) {
      if (error !== CommitWatch.late) throw error;
      this.#isStuck = true;
      throw this.#break(
        `a commit must end within ${this.#commitTimeoutMs} ms, and did not: restart when the disk answers again`,
      );
    } finally {
      watch.stop();
    }
  }

  #break(problem: string): StorageFailedError {
    this.#broken ??= new StorageFailedError(
      `nothing is written any more to the database ${this.directory}: ${problem}`,
    );
    return this.#broken;
  }
}

async function freeOnDisk(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    // Where the system does not tell, a write that fails will.
    return Infinity;
  }
}

/** lmdb rejects with `commitError`, a promise that rejects with what the system said. */
async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error;
  return Promise.resolve(error.commitError).catch((cause: unknown) => cause);
}

function translated(error: unknown, what: string): StorageCorruptError | StorageFailedError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const reason = error instanceof Error ? error.message : String(error);
  return typeof code === 'number' && CORRUPT_CODES.has(code)
    ? new StorageCorruptError(`${what}: ${reason}`, { cause: error })
    : new StorageFailedError(`${what}: ${reason}`, { cause: error });
}
