/**
 * Backup of a data folder, whether its process runs or not.
 *
 * In this order, so that the parts fit together: snapshots (each stands at or before what the log says is done), the read side (which
 * shows nothing beyond the log), the log. LMDB copies an environment as it was at one moment. Nothing is trimmed meanwhile.
 */
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
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

/** What must not be written over. @throws ConflictError the folder is used by a process, or holds data and may not be replaced. */
export async function prepareFolder({ dataDir }: EmbeddedPlaces, mayReplace: boolean): Promise<void> {
  const entries = (await readdir(dataDir).catch(() => [])).filter((name) => !name.startsWith('lock'));
  if (existsSync(dataDir)) (await DataDirLock.acquire(dataDir, { waitMs: 1_000 })).release();
  if (entries.length > 0 && !mayReplace) {
    throw new ConflictError(`${resolve(dataDir)} is not empty: --yes moves what is there aside`);
  }
}

/** Where a part of an embedded backup goes: beside the folder, until all of it is there. */
export class FolderRestore {
  readonly #places: EmbeddedPlaces;
  readonly #beside: string;

  constructor(places: EmbeddedPlaces) {
    this.#places = places;
    this.#beside = `${resolve(places.dataDir)}.restoring`;
  }

  async begin(): Promise<void> {
    await rm(this.#beside, { recursive: true, force: true });
    await mkdir(this.#beside, { recursive: true });
  }

  async take(name: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const path = join(this.#beside, ...name.split('/'));
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'wx', 0o600);
    await pipeline(content, file.createWriteStream({ flush: true }));
  }

  /** @returns where what was there before is now; undefined: nothing was. */
  async finish(): Promise<string | undefined> {
    const dataDir = resolve(this.#places.dataDir);
    const modelPath = resolve(this.#places.modelPath);
    for (const name of ENVIRONMENTS) checkLmdbFile(join(this.#beside, name, LMDB_FILE));
    const isInside = !relative(dataDir, modelPath).startsWith('..');
    const models = join(this.#beside, 'models');
    let aside: string | undefined;
    const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
    if (existsSync(dataDir)) {
      aside = `${dataDir}.before-${stamp}`;
      await rename(dataDir, aside);
    }
    if (!isInside && existsSync(models)) {
      if (existsSync(modelPath)) await rename(modelPath, `${modelPath}.before-${stamp}`);
      await mkdir(dirname(modelPath), { recursive: true });
      await rename(models, modelPath).catch(async () => copyAcross(models, modelPath));
    }
    await rename(this.#beside, dataDir);
    return aside;
  }

  async giveUp(): Promise<void> {
    await rm(this.#beside, { recursive: true, force: true });
  }
}

/** Between file systems a folder cannot be renamed. */
async function copyAcross(from: string, to: string): Promise<void> {
  for (const path of await filesBelow(from)) {
    await mkdir(dirname(join(to, path)), { recursive: true });
    await writeFile(join(to, path), createReadStream(join(from, path)));
  }
  await rm(from, { recursive: true });
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
