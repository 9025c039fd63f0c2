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
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { RedshankError, StorageCorruptError, StorageFailedError } from '../../models/errors.js';
import { FileSpace } from './file-space.js';
import { checkLmdbFile } from './lmdb-file-check.js';
import { WriteSet, type LmdbTable } from './write-set.js';

export interface LmdbOptions {
  /** Longest time a commit may take before the environment counts as broken, in ms. Default 30,000. */
  readonly commitTimeoutMs?: number;
}

/** LMDB maps the file; address space costs nothing, and growing the map under readers would. */
const MAP_BYTES = 2 ** 36;
const MAX_TABLES = 16;
/** Room for the pages of all tables when they are created. */
const OPENING_BYTES = 2 ** 20;
/** MDB_INVALID, MDB_VERSION_MISMATCH, MDB_CORRUPTED, MDB_PAGE_NOTFOUND. */
const CORRUPT_CODES = new Set([-30793, -30794, -30796, -30797]);

export class LmdbEnvironment {
  readonly directory: string;
  readonly #root: RootDatabase<Uint8Array>;
  readonly #commitTimeoutMs: number;
  readonly #space: FileSpace;
  readonly #tables: LmdbTable[] = [];
  /** Bytes that commits under way may add to the file. */
  #reservedBytes = 0;
  #extending: Promise<void> | undefined;
  readonly #inFlight = new Set<Promise<void>>();
  #broken: StorageFailedError | undefined;
  #isClosed = false;

  private constructor(directory: string, root: RootDatabase<Uint8Array>, commitTimeoutMs: number) {
    this.directory = directory;
    this.#root = root;
    this.#commitTimeoutMs = commitTimeoutMs;
  }

  /**
   * Opens or creates the environment in `directory`.
   *
   * @throws StorageCorruptError the file there is no LMDB file of this version, is cut short, or its pages are damaged.
   * @throws StorageFailedError the folder or file cannot be read or written.
   */
  static open(directory: string, options: LmdbOptions = {}): LmdbEnvironment {
    const file = join(directory, 'data.mdb');
    try {
      mkdirSync(directory, { recursive: true });
      checkLmdbFile(file);
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

  /** The database `name` in this environment, created when missing. Keys are arrays of integers and strings of ours. */
  database(name: string): LmdbTable {
    try {
      return this.#root.openDB<Uint8Array>({ name, encoding: 'binary' });
    } catch (error) {
      throw translated(error, `cannot open the table ${name} in ${this.directory}`);
    }
  }

  /**
   * Runs `writes` (puts and removes, no throws) as one transaction and resolves when it is on the disk.
   *
   * @throws StorageFailedError none of the writes happened; later commits work again when the disk does.
   */
  commit(writes: () => void): Promise<void> {
    const commit = this.#commit(writes);
    const settled = commit.then(
      () => {},
      () => {},
    );
    this.#inFlight.add(settled);
    void settled.then(() => this.#inFlight.delete(settled));
    return commit;
  }

  /** Waits for commits in flight, then closes. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.all(this.#inFlight);
    // A broken environment has a writer that never ends; closing would wait for it.
    if (this.#broken === undefined) await this.#root.close();
  }

  async #commit(writes: () => void): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#isClosed) throw new StorageFailedError(`the database ${this.directory} is closed`);
    try {
      await this.#inTime(this.#root.batch(writes));
    } catch (error) {
      throw error instanceof StorageFailedError
        ? error
        : translated(await causeOf(error), `cannot write to the database ${this.directory}`);
    }
  }

  /** LMDB never answers when its writer cannot begin a transaction; nothing may wait for ever. */
  async #inTime(committed: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        this.#broken = new StorageFailedError(
          `a commit to the database ${this.directory} must end within ${this.#commitTimeoutMs} ms, and did not: ` +
            'restart the process when the disk answers again',
        );
        reject(this.#broken);
      }, this.#commitTimeoutMs);
    });
    try {
      await Promise.race([committed, late]);
    } finally {
      clearTimeout(timer);
    }
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
