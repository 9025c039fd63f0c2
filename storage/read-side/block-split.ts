/** Where a device's sorted rows are cut into history blocks. */
import type { RowList } from './row-list.js';

/** Rows of a full block: 64 rows of 3 channels are about 10 KB. */
const BLOCK_ROWS = 64;
/** Rows from which on a block is left alone, and newer ones begin the next: half of them written anew at each flush is enough. */
export const SEALED_ROWS = BLOCK_ROWS / 2;
/** A run of rows of one time is cut at this length, and only there. */
const LONGEST_RUN = 2 * BLOCK_ROWS;

/**
 * Ends of the blocks, ascending; the last is `rows.length`.
 *
 * Rows of equal time stay in one block: so blocks are disjoint in time, and the block of a time is found by its first row.
 * A device whose clock stands still sends one time for ever, though. Such a run is cut into blocks of its own; only the
 * last of them can still grow, so their order among themselves is that of the log.
 *
 * @param isAppend rows follow the newest block: fill block after block. Else rows came in between: divide evenly, which
 *   leaves room in both halves.
 */
export function blockEnds(rows: RowList, isAppend: boolean): readonly number[] {
  const pieces = Math.ceil(rows.length / BLOCK_ROWS);
  const size = isAppend ? BLOCK_ROWS : Math.ceil(rows.length / pieces);
  const ends: number[] = [];
  for (let start = 0; start < rows.length; start = ends.at(-1)!) {
    if (rows.length - start <= size) {
      ends.push(rows.length);
      continue;
    }
    const timeMs = rows.timeMs(start + size - 1);
    let runStart = start + size - 1;
    while (runStart > start && rows.timeMs(runStart - 1) === timeMs) runStart--;
    let end = start + size;
    while (end < rows.length && end - runStart < LONGEST_RUN && rows.timeMs(end) === timeMs) end++;
    const isCut = end < rows.length && rows.timeMs(end) === timeMs;
    ends.push(isCut && runStart > start ? runStart : end);
  }
  return ends;
}
