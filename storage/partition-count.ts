/** P, the number of partitions, is part of the log: devices are found by it. It is written down once and then compared. */
import { SettingInvalidError, StorageCorruptError } from '../models/errors.js';
import type { Blobs } from './blobs/blobs.js';

/** Blob in which the number stands. */
export const PARTITIONS_BLOB = 'layout/partitions';

/** @throws SettingInvalidError when the log was created with another number. */
export async function fixPartitions(blobs: Blobs, partitions: number): Promise<void> {
  // Read back: of several processes that start a new log together, all must go by what the last one wrote.
  if ((await blobs.get(PARTITIONS_BLOB)) === undefined)
    await blobs.put(PARTITIONS_BLOB, new TextEncoder().encode(String(partitions)));
  const bytes = await blobs.get(PARTITIONS_BLOB);
  const fixed = Number(new TextDecoder().decode(bytes));
  if (!Number.isInteger(fixed) || fixed < 1)
    throw new StorageCorruptError(`${PARTITIONS_BLOB} must be a whole number > 0`);
  if (fixed !== partitions) {
    throw new SettingInvalidError([
      `partitions must be ${fixed}, as when this log was created, got ${partitions}: set it back, or start with an empty DATA_DIR`,
    ]);
  }
}
