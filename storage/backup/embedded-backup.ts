/**
 * Backup of a data folder, whether its process runs or not.
 *
 * In this order, so that the parts fit together: snapshots (each stands at or before what the log says is done), the read side (which
 * shows nothing beyond the log), the log. LMDB copies an environment as it was at one moment. Nothing is trimmed meanwhile.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { open as openLmdb } from 'lmdb';
import { ConflictError, NotFoundError } from '../../models/errors.js';
import { DataDirLock } from '../data-dir-lock.js';
import { checkLmdbFile } from '../lmdb/lmdb-file-check.js';
import type { ArchiveWriter } from './archive.js';
import { whileFolderIsHeld } from './backup-hold.js';

const LMDB_FILE = 'data.mdb';
const ENVIRONMENTS = ['read-side', 'journal'] as const;
/** Of the data folder besides those; what is not there is left out. */
const FILES = ['keys.json'];
const FOLDERS = ['blobs', 'models'];
const UNFINISHED = '.tmp~';
const MAX_TABLES = 16;

export interface EmbeddedPlaces {
  readonly dataDir: string;
  /** Folder of trained models, in the data folder or elsewhere. */
  readonly modelPath: string;
}

/** Of a log that was written down as `fixPartitions` does. @throws NotFoundError there is no data here. */
export async function partitionsOfFolder(dataDir: string): Promise<number> {
  const path = join(dataDir, 'blobs', 'layout', 'partitions~');
  const text = await readFile(path).catch(() => undefined);
  const count = Number.parseInt(text?.toString('latin1') ?? '', 10);
  if (!Number.isInteger(count)) {
    throw new NotFoundError(
      `${resolve(dataDir)} holds no data of Redshank: set DATA_DIR, or NATS_URL and REDIS_URL of a cluster`,
    );
  }
  return count;
}

/**
 * @param scratch an empty folder with room for a copy of the log and of the read side
 * @param copied told of each part
 */
export async function backUpFolder(
  { dataDir, modelPath }: EmbeddedPlaces,
  scratch: string,
  archive: ArchiveWriter,
  copied: (name: string, bytes: number) => void,
): Promise<void> {
  const addFile = async (name: string, path: string): Promise<void> => {
    const file = await open(path).catch((error: unknown) => {
      // Snapshots come and go; what is gone has a newer one in its place.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    });
    if (file === undefined) return;
    const { size } = await file.stat();
    // A stream closes the file.
    await archive.add(
      name,
      size,
      file.createReadStream({ start: 0, end: Math.max(0, size - 1) }) as AsyncIterable<Buffer>,
    );
    copied(name, size);
  };
  await whileFolderIsHeld(dataDir, async () => {
    for (const name of FILES) await addFile(name, join(dataDir, name));
    for (const folder of FOLDERS) {
      const root = folder === 'models' ? modelPath : join(dataDir, folder);
      for (const path of await filesBelow(root)) await addFile(`${folder}/${path}`, join(root, path));
    }
    for (const name of ENVIRONMENTS) {
      const copy = join(scratch, name);
      await copyEnvironment(join(dataDir, name), copy);
      if (existsSync(copy)) await addFile(`${name}/${LMDB_FILE}`, join(copy, LMDB_FILE));
      await rm(copy, { recursive: true, force: true });
    }
  });
}

/** In the data folder while a restore is under way: whoever finds it must not start. */
export const RESTORING = '.restoring';
/** All that a data folder has of ours. Other things in it, `lost+found` for one, are left alone. */
const OURS = [...FILES, ...FOLDERS, ...ENVIRONMENTS];

/**
 * Brings back a data folder. What comes is unpacked within it, since the folder may be all that there is of its disk (a volume), and
 * takes the place of what is there when all of it has come. No process can start in the folder meanwhile: the lock is held.
 */
export class FolderRestore {
  readonly #dataDir: string;
  readonly #modelPath: string;
  readonly #unpacked: string;
  readonly #lock: DataDirLock;

  private constructor(places: EmbeddedPlaces, lock: DataDirLock) {
    this.#dataDir = resolve(places.dataDir);
    this.#modelPath = resolve(places.modelPath);
    this.#unpacked = join(this.#dataDir, RESTORING);
    this.#lock = lock;
  }

  /** @throws ConflictError the folder holds data and may not be replaced. @throws StorageFailedError a process uses it, or it cannot be written. */
  static async begin(places: EmbeddedPlaces, mayReplace: boolean): Promise<FolderRestore> {
    await mkdir(places.dataDir, { recursive: true });
    const lock = await DataDirLock.acquire(places.dataDir, { waitMs: 1_000 });
    try {
      if (!mayReplace && OURS.some((name) => existsSync(join(places.dataDir, name)))) {
        throw new ConflictError(`${resolve(places.dataDir)} is not empty: --yes moves what is there aside`);
      }
      const restore = new FolderRestore(places, lock);
      await rm(restore.#unpacked, { recursive: true, force: true });
      await mkdir(restore.#unpacked);
      return restore;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  async take(name: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const path = join(this.#unpacked, ...name.split('/'));
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'wx', 0o600);
    await pipeline(content, file.createWriteStream({ flush: true }));
  }

  /** Whether what came can be opened. @throws StorageCorruptError */
  check(): void {
    for (const name of ENVIRONMENTS) checkLmdbFile(join(this.#unpacked, name, LMDB_FILE));
  }

  /** @returns where what was there before is now; undefined: nothing was. */
  async finish(): Promise<string | undefined> {
    const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
    const aside = join(this.#dataDir, `.before-${stamp}`);
    const models = join(this.#unpacked, 'models');
    const isElsewhere = this.#modelPath !== join(this.#dataDir, 'models');
    if (isElsewhere && existsSync(models)) {
      await moveEntries(this.#modelPath, join(this.#modelPath, `.before-${stamp}`), await entriesOf(this.#modelPath));
      await moveEntries(models, this.#modelPath, await readdir(models));
      await rm(models, { recursive: true });
    }
    const there = OURS.filter((name) => existsSync(join(this.#dataDir, name)) && !this.#holdsModels(name, isElsewhere));
    await moveEntries(this.#dataDir, aside, there);
    const come = OURS.filter((name) => existsSync(join(this.#unpacked, name)));
    await moveEntries(this.#unpacked, this.#dataDir, come);
    await rm(this.#unpacked, { recursive: true, force: true });
    this.#lock.release();
    return there.length > 0 ? aside : undefined;
  }

  /** Before anything was moved. */
  async giveUp(): Promise<void> {
    await rm(this.#unpacked, { recursive: true, force: true });
    this.#lock.release();
  }

  #holdsModels(name: string, isElsewhere: boolean): boolean {
    return isElsewhere && !relative(join(this.#dataDir, name), this.#modelPath).startsWith('..');
  }
}

/** Without what a restore before has put aside. */
async function entriesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder).catch(() => []);
  return entries.filter((name) => !name.startsWith('.before-') && name !== 'lost+found');
}

async function moveEntries(from: string, to: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await mkdir(to, { recursive: true });
  for (const name of names) await move(join(from, name), join(to, name));
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    // Between file systems nothing can be renamed.
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await cp(from, to, { recursive: true, errorOnExist: true, force: false });
    await rm(from, { recursive: true });
  }
}

async function copyEnvironment(from: string, to: string): Promise<void> {
  if (!existsSync(join(from, LMDB_FILE))) return;
  await mkdir(to, { recursive: true });
  const environment = openLmdb({ path: from, noSubdir: false, readOnly: true, maxDbs: MAX_TABLES });
  try {
    await environment.backup(to, false);
  } finally {
    await environment.close();
  }
}

/** Paths below a folder, with `/`; none where there is no folder. */
async function filesBelow(root: string, below = ''): Promise<string[]> {
  const entries = await readdir(join(root, below), { withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  for (const entry of entries) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await filesBelow(root, path)));
    else if (!entry.name.endsWith(UNFINISHED) && (await stat(join(root, path)).catch(() => undefined)) !== undefined)
      found.push(path);
  }
  return found;
}
