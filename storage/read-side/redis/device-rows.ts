/**
 * Pages of a device's rows: the latest from Redis, those before them from the log.
 *
 * A page is cut out of a *window*, the rows of consecutive chunks of the log, sorted by time. The first window begins at the first
 * chunk that may hold a row of the time asked for, and ends with the log; so pages are in order of time, and a late row stands
 * where its time is. Only where that is more of the log than one call may look at, the window ends earlier and the next page begins
 * with the next window: late rows then stand after those that came before them. A cursor names its window, so it does not
 * matter that rows go on moving out of Redis meanwhile.
 */
import type { DeviceKey } from '../../../models/domain/identity.js';
import { RequestInvalidError, StorageFailedError } from '../../../models/errors.js';
import { decodeCursor, encodeCursor } from '../cursor.js';
import type { LogHistory } from '../log-history.js';
import type { ScoreQuery } from '../read-side.js';
import { RowList } from '../row-list.js';
import { cutPage, lastRows } from '../score-page.js';
import type { DeviceView } from './score-table.js';

export interface RowPage {
  readonly rows: RowList;
  readonly next: string | undefined;
  readonly isOlderUnread?: boolean;
}

/** Of the latest rows before a time long past, those that came so much later are not looked for. */
const LATE_MS = 3_600_000;
const CURSOR_TEXT = /^(\d{1,12})\.(\d{1,15})\.(\d{1,15})$/;

interface Place {
  readonly fromMs: number;
  /** Rows of the time `fromMs` that were on pages before. */
  readonly skip: number;
  /** First and last chunk of the window; undefined where they are still to be found, or the end of the log. */
  readonly first: number | undefined;
  readonly last: number | undefined;
}

export class DeviceRows {
  readonly #history: LogHistory | undefined;
  /** Rows that arrived before this are forgotten, also where the log still has them. */
  #forgottenMs = -Infinity;

  constructor(history: LogHistory | undefined) {
    this.#history = history;
  }

  forgetBefore(beforeMs: number): void {
    this.#forgottenMs = Math.max(this.#forgottenMs, beforeMs);
  }

  /**
   * @param read the device as Redis has it now.
   * @throws RequestInvalidError for a cursor that is not ours.
   * @throws StorageFailedError the log does not answer, and without it there is nothing to show or no order to keep.
   */
  async page(
    partition: number,
    device: DeviceKey,
    query: ScoreQuery,
    read: () => Promise<DeviceView>,
  ): Promise<RowPage> {
    const toMs = query.toMs ?? Infinity;
    const place = placeOf(query);
    const view = await read();
    // Nobody is looked for in the log by a name that was made up.
    if (view.record === undefined) return { rows: new RowList(), next: undefined };
    if (place === undefined) {
      return this.#latest(partition, device, toMs, query.limit, view);
    }
    const inTime = (timeMs: number): boolean => timeMs >= place.fromMs && timeMs <= toMs;
    const first = Math.max(view.since, place.first ?? (await this.#firstChunk(partition, place.fromMs, view)));
    const { rows: all, last } = await this.#window(partition, device, first, place.last ?? view.position, view, inTime);
    const { rows, more } = cutPage(all.sorted(), place.fromMs, place.skip, query.limit);
    if (more !== undefined) return { rows, next: encodeCursor(more.timeMs, `${more.given}.${first}.${last}`) };
    return { rows, next: last < view.position ? encodeCursor(query.fromMs!, `0.${last + 1}.0`) : undefined };
  }

  /** Rows of the chunks from `first` to `end`, or to the `last` that one call may look at. In log order. */
  async #window(
    partition: number,
    device: DeviceKey,
    first: number,
    end: number,
    view: DeviceView,
    inTime: (timeMs: number) => boolean,
  ): Promise<{ readonly rows: RowList; readonly last: number }> {
    let last = Math.min(end, view.position);
    const rows = new RowList();
    const logged = loggedPart(view);
    const to = Math.min(last, logged.to);
    if (this.#history !== undefined && first <= to) {
      // What was trimmed meanwhile is not there any more.
      const from = Math.max(first, await this.#history.first(partition));
      const range = to === logged.to ? { ...logged, from } : { from, to };
      const older = await this.#history.forwards(partition, device, range, this.#shown(inTime));
      rows.pushFrom(older.rows, 0, older.rows.length);
      if (older.to < to) last = older.to;
    }
    pushRecent(rows, view, first, last, inTime);
    return { rows, last };
  }

  async #latest(partition: number, device: DeviceKey, toMs: number, limit: number, view: DeviceView): Promise<RowPage> {
    const inTime = (timeMs: number): boolean => timeMs <= toMs;
    const recent = new RowList();
    pushRecent(recent, view, 0, view.position, inTime);
    if (this.#history === undefined || recent.length >= limit) return latestOf(recent, limit);
    try {
      const older = await this.#older(this.#history, partition, device, toMs, limit - recent.length, view);
      older.pushFrom(recent, 0, recent.length);
      return latestOf(older, limit);
    } catch (error) {
      // What is newest is seldom what a person could do without while something is wrong.
      if (!(error instanceof StorageFailedError) || recent.length === 0) throw error;
      return { ...latestOf(recent, limit), isOlderUnread: true };
    }
  }

  /** From the log, the latest of those that are not in `view`: `enough` or more, if there are. */
  async #older(
    history: LogHistory,
    partition: number,
    device: DeviceKey,
    toMs: number,
    enough: number,
    view: DeviceView,
  ): Promise<RowList> {
    const logged = { ...loggedPart(view), from: Math.max(view.since, await history.first(partition)) };
    const end = await history.firstAt(partition, toMs + LATE_MS, logged);
    const range = end < logged.to ? { from: logged.from, to: end } : logged;
    return history.backwards(
      partition,
      device,
      range,
      this.#shown((timeMs) => timeMs <= toMs),
      enough,
    );
  }

  /** Where rows of the time `fromMs` can begin. */
  async #firstChunk(partition: number, fromMs: number, view: DeviceView): Promise<number> {
    if (this.#history === undefined) return 0;
    const logged = { ...loggedPart(view), from: Math.max(view.since, await this.#history.first(partition)) };
    const found = await this.#history.firstAt(partition, fromMs - this.#history.futureSkewMs, logged);
    return Math.min(found, view.blocks[0]?.sequence ?? found);
  }

  #shown(inTime: (timeMs: number) => boolean): (timeMs: number, receivedMs: number) => boolean {
    return (timeMs, receivedMs) => receivedMs >= this.#forgottenMs && inTime(timeMs);
  }
}

/** They have no pages. */
function latestOf(rows: RowList, limit: number): RowPage {
  return { rows: lastRows(rows.sorted(), limit), next: undefined };
}

/** Undefined for the latest rows, which have no pages. */
function placeOf({ fromMs, cursor }: ScoreQuery): Place | undefined {
  if (cursor === undefined)
    return fromMs === undefined ? undefined : { fromMs, skip: 0, first: undefined, last: undefined };
  const { number, text } = decodeCursor(cursor);
  const [, skip, first, last] = CURSOR_TEXT.exec(text) ?? [];
  if (fromMs === undefined || last === undefined) {
    throw new RequestInvalidError('cursor must be the "next" of a page of scores');
  }
  return { fromMs: number, skip: Number(skip), first: Number(first), last: last === '0' ? undefined : Number(last) };
}

/** The end of what has to be read from the log: up to the first block, and of its chunk what was left out there. */
function loggedPart({ blocks, position }: DeviceView): { readonly to: number; readonly rowsOfLast?: number } {
  const [block] = blocks;
  if (block === undefined) return { to: position };
  return block.leftOut > 0 ? { to: block.sequence, rowsOfLast: block.leftOut } : { to: block.sequence - 1 };
}

function pushRecent(
  rows: RowList,
  { blocks }: DeviceView,
  first: number,
  last: number,
  inTime: (timeMs: number) => boolean,
): void {
  for (const { sequence, rows: batch } of blocks) {
    if (sequence < first || sequence > last) continue;
    for (let i = 0; i < batch.length; i++) if (inTime(batch.timeMs.data[i]!)) rows.push(batch, i);
  }
}
