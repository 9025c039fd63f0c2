/**
 * While a backup is taken nothing is trimmed: parts are copied one after the other, and what an earlier one needs must still be there in
 * a later one. In a data folder a file says so, in a cluster a lease; both run out when whoever takes the backup dies.
 */
import { randomUUID } from 'node:crypto';
import { rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConflictError } from '../../models/errors.js';
import type { Lease, Leases } from '../leases/leases.js';

const FILE = 'backup-running';
const TOUCH_EVERY_MS = 2_000;
/** A file that was not touched for so long is left over. */
const DEAD_AFTER_MS = 15_000;
/** A trim that began before it could see the hold has ended by then. */
const SETTLE_MS = 1_000;

export const BACKUP_LEASE = { stage: 'backup', partition: 0 } as const;

/** Whether a backup of the folder is being taken. */
export function isFolderHeld(dataDir: string): boolean {
  try {
    return Date.now() - statSync(join(dataDir, FILE)).mtimeMs < DEAD_AFTER_MS;
  } catch {
    return false;
  }
}

/** @throws ConflictError another backup is being taken. */
export async function whileFolderIsHeld<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  if (isFolderHeld(dataDir)) throw new ConflictError(`another backup of ${dataDir} is being taken`);
  const path = join(dataDir, FILE);
  writeFileSync(path, '');
  const timer = setInterval(() => {
    const now = new Date();
    utimesSync(path, now, now);
  }, TOUCH_EVERY_MS);
  try {
    await sleep(SETTLE_MS);
    return await work();
  } finally {
    clearInterval(timer);
    rmSync(path, { force: true });
  }
}

/** @throws ConflictError another backup is being taken. @throws StorageFailedError the lease was lost meanwhile: what was copied may not fit together. */
export async function whileLogIsHeld<T>(leases: Leases, work: (check: () => void) => Promise<T>): Promise<T> {
  const lease: Lease | undefined = await leases.acquire(BACKUP_LEASE, `backup-${randomUUID()}`);
  if (lease === undefined) throw new ConflictError('another backup of this cluster is being taken');
  let isLost = false;
  const timer = setInterval(() => {
    leases.renew(lease).then(
      (isOurs) => (isLost ||= !isOurs),
      () => undefined,
    );
  }, leases.ttlMs / 4);
  const check = (): void => {
    if (isLost) throw new ConflictError('the hold on the log was lost while the backup was taken: take it again');
  };
  try {
    await sleep(SETTLE_MS);
    const done = await work(check);
    check();
    return done;
  } finally {
    clearInterval(timer);
    await leases.release(lease);
  }
}
