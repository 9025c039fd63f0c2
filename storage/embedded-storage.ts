/** Everything that one process without a broker keeps, below one folder. */
import { accessSync, constants, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { StorageFailedError } from '../models/errors.js';
import { isFolderHeld } from './backup/backup-hold.js';
import { RESTORING } from './backup/embedded-backup.js';
import { FileBlobs } from './blobs/file-blobs.js';
import { DataDirLock } from './data-dir-lock.js';
import { LmdbJournal } from './journal/lmdb-journal.js';
import { InProcessLeases } from './leases/in-process-leases.js';
import { LmdbEpochCounter } from './leases/lmdb-epoch-counter.js';
import { LmdbEnvironment } from './lmdb/lmdb-environment.js';
import { checkLogIdentity, checkLogIsThere, READ_SIDE_ADVICE } from './log-identity.js';
import { memoryLimiter } from './limits/limiters.js';
import { LmdbReadSide } from './read-side/lmdb-read-side.js';
import type { Storage } from './storage.js';
import { makeFolder } from './make-folder.js';

/** Long: the lock keeps other processes out, so a busy event loop must not be taken for a dead owner. */
const LEASE_TTL_MS = 600_000;

export interface EmbeddedStorageOptions {
  /** Folder of trained models. Default: `models/` in the data folder. */
  readonly modelPath?: string;
  /** Told of each damaged value of the read side, which is dropped then. Default: a warning of the process. */
  readonly onDamage?: (message: string) => void;
}

/**
 * Opens or creates `dataDir` with `journal/`, `read-side/`, `blobs/`, `models/` and `lock`.
 *
 * @throws StorageFailedError the folder is not writable, or in use by another process.
 * @throws StorageCorruptError what lies there is damaged, not ours, or of different logs. `read-side/` alone may be missing: it
 *   is filled again from what the log still has.
 */
export async function openEmbeddedStorage(dataDir: string, options: EmbeddedStorageOptions = {}): Promise<Storage> {
  const directory = resolve(dataDir);
  prepare(directory);
  const lock = await DataDirLock.acquire(directory);
  try {
    requireNoRestore(directory);
  } catch (error) {
    lock.release();
    throw error;
  }
  const closers: (() => Promise<void> | void)[] = [() => lock.release()];
  // All of them, whatever fails: a lock that stays would keep the next start out.
  const close = async () => {
    const problems: unknown[] = [];
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer();
      } catch (error) {
        problems.push(error);
      }
    }
    if (problems.length > 0) throw problems[0];
  };
  try {
    const blobs = await FileBlobs.open(join(directory, 'blobs'));
    await checkLogIsThere(directory, blobs);
    const log = LmdbEnvironment.open(join(directory, 'journal'));
    closers.push(() => log.close());
    const journal = new LmdbJournal(log);
    closers.push(() => journal.close());
    const leases = new InProcessLeases(new LmdbEpochCounter(log), { ttlMs: LEASE_TTL_MS });
    closers.push(() => leases.close());
    const projections = LmdbEnvironment.open(join(directory, 'read-side'), { advice: READ_SIDE_ADVICE });
    closers.push(() => projections.close());
    await checkLogIdentity(directory, log, journal.isEmpty, blobs, projections);
    const readSide = new LmdbReadSide(projections, options);
    closers.push(() => readSide.close());
    const models = await FileBlobs.open(options.modelPath ?? join(directory, 'models'));
    return {
      mode: 'embedded',
      journal,
      leases,
      blobs,
      models,
      readSide,
      mqtt: undefined,
      isBackupRunning: () => Promise.resolve(isFolderHeld(directory)),
      limiter: memoryLimiter,
      outage: () => journal.failure,
      readSideOutage: () => projections.failure,
      logSpace: async () => ({ ...(await log.space()), neededBytes: journal.stageRoomBytes }),
      close,
    };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

/** @throws StorageFailedError a restore was broken off while it moved things: the folder may be half the old and half the new. */
function requireNoRestore(directory: string): void {
  if (!existsSync(join(directory, RESTORING))) return;
  throw new StorageFailedError(
    `a restore of ${directory} was broken off: run \`redshank restore --yes\` again. What was there before is in ${directory}/.before-…, if it had been moved already`,
  );
}

function prepare(directory: string): void {
  try {
    makeFolder(directory);
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new StorageFailedError(
      `cannot write to the data folder ${directory} (${(error as Error).message}): ` +
        'create it for this user, or set DATA_DIR to a folder that it may write',
      { cause: error },
    );
  }
}
