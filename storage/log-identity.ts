/**
 * Which log it is. Snapshots in `blobs/` and positions in `read-side/` are places in one log: with another log they would
 * pass over its records. So the log has a random id, and both of them remember it.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StorageCorruptError } from '../models/errors.js';
import type { Blobs } from './blobs/blobs.js';
import { openSealed, sealBytes } from './lmdb/checked-value.js';
import type { LmdbEnvironment } from './lmdb/lmdb-environment.js';

const BLOB = 'layout/log';
const TABLE = 'identity';
const KEY = 0;
const TOGETHER =
  'journal/, blobs/ and read-side/ belong together: restore all of DATA_DIR from one backup, or move all of it away to start empty';
/** For messages about a damaged read side: the one part that can be had again. */
export const READ_SIDE_ADVICE = 'Move this folder away, it alone: it is filled again from what the log still has';

/**
 * Before the journal is opened, since that would create one.
 *
 * @throws StorageCorruptError the snapshots are of a log that is not there.
 */
export async function checkLogIsThere(directory: string, blobs: Blobs): Promise<void> {
  if ((await rememberedByBlobs(blobs)) === undefined || existsSync(join(directory, 'journal', 'data.mdb'))) return;
  throw new StorageCorruptError(
    `${join(directory, 'journal')} is gone, and blobs/ holds what belongs to it. ${TOGETHER}`,
  );
}

/**
 * Gives a new log its id, and compares it with what the others remember.
 *
 * @param isLogEmpty whether the log never had a record.
 * @throws StorageCorruptError `blobs` or `readSide` are of another log.
 */
export async function checkLogIdentity(
  directory: string,
  log: LmdbEnvironment,
  isLogEmpty: boolean,
  blobs: Blobs,
  readSide: LmdbEnvironment,
): Promise<void> {
  const stored = idIn(log);
  const ofBlobs = await rememberedByBlobs(blobs);
  const areBlobsGone = stored !== undefined && ofBlobs === undefined && !isLogEmpty;
  if (areBlobsGone || (ofBlobs !== undefined && ofBlobs !== stored)) {
    throw new StorageCorruptError(
      areBlobsGone
        ? `${join(directory, 'blobs')} is gone or empty, and journal/ needs what was there. ${TOGETHER}`
        : `${join(directory, 'journal')} is not the log that blobs/ was written with. ${TOGETHER}`,
      { data: { journal: stored, blobs: ofBlobs } },
    );
  }
  const ofReadSide = idIn(readSide);
  if (ofReadSide !== undefined && ofReadSide !== stored) {
    throw new StorageCorruptError(
      `${join(directory, 'read-side')} shows another log than journal/. ${READ_SIDE_ADVICE}. Or restore all of DATA_DIR from one backup`,
      { data: { journal: stored, readSide: ofReadSide } },
    );
  }
  const id = stored ?? randomUUID();
  // The log first: what the others remember is then always there.
  if (stored === undefined) await remember(log, id);
  if (ofBlobs === undefined) await blobs.put(BLOB, new TextEncoder().encode(id));
  if (ofReadSide === undefined) await remember(readSide, id);
}

function idIn(environment: LmdbEnvironment): string | undefined {
  const value = environment.table(TABLE).getBinary(KEY);
  return value === undefined
    ? undefined
    : Buffer.from(openSealed(value, `the id of the log in ${environment.directory}`)).toString();
}

function remember(environment: LmdbEnvironment, id: string): Promise<void> {
  const table = environment.table(TABLE);
  return environment.commit((writes) => writes.put(table, KEY, sealBytes(Buffer.from(id))));
}

async function rememberedByBlobs(blobs: Blobs): Promise<string | undefined> {
  const bytes = await blobs.get(BLOB);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}
