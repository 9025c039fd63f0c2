/** Pages of score rows and their cursors, whatever stores the rows. */
import { deviceKey, isDeviceId, isTenantId, type DeviceKey } from '../../models/domain/identity.js';
import { ScoreBatch } from '../../models/domain/score-batch.js';
import { EventLoopSlices } from '../event-loop-slices.js';
import { encodeCursor } from './cursor.js';
import { RowList } from './row-list.js';

/** Of one page. */
export const MOST_ROWS = 100_000;
export const MOST_ITEMS = 1_000;

/** Ids that were never valid are of nobody. */
export function knownKey(tenant: string, device: string): DeviceKey | undefined {
  return isTenantId(tenant) && isDeviceId(device) ? deviceKey(tenant, device) : undefined;
}

/** The latest `limit` rows, or all. */
export function lastRows(all: RowList, limit: number): RowList {
  const rows = new RowList();
  rows.pushFrom(all, Math.max(0, all.length - limit), all.length);
  return rows;
}

/**
 * @param all rows by time from `fromMs` on.
 * @param skip so many rows of the time `fromMs` were on pages before; the first `passed` of them are not in `all`.
 * @returns `given` undefined when these are the last rows; else how many rows of the page's last time are given out now.
 */
export function cutPage(
  all: RowList,
  fromMs: number,
  skip: number,
  limit: number,
  passed = 0,
): { readonly rows: RowList; readonly more: { readonly timeMs: number; readonly given: number } | undefined } {
  let start = 0;
  while (start < skip - passed && start < all.length && all.timeMs(start) === fromMs) start++;
  const end = Math.min(all.length, start + limit);
  const rows = new RowList();
  rows.pushFrom(all, start, end);
  if (end === all.length) return { rows, more: undefined };
  const timeMs = rows.timeMs(rows.length - 1);
  let given = timeMs === fromMs ? skip : 0;
  for (let i = rows.length - 1; i >= 0 && rows.timeMs(i) === timeMs; i--) given++;
  return { rows, more: { timeMs, given } };
}

/** A copy of the rows; lets others have their turn. */
export async function batchOf(rows: RowList): Promise<ScoreBatch> {
  const batch = ScoreBatch.create();
  const slices = new EventLoopSlices();
  for (let i = 0; i < rows.length; i++) {
    rows.copyTo(batch, i);
    if (i % 256 === 255) await slices.pause();
  }
  return batch;
}

/** The page of a list sorted by device id. */
export function idPage(
  sorted: readonly string[],
  limit: number,
): { shown: readonly string[]; next: string | undefined } {
  const shown = sorted.slice(0, limit);
  return { shown, next: sorted.length > limit ? encodeCursor(0, shown.at(-1)!) : undefined };
}
