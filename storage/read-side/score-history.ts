/**
 * Score rows that are on the disk: table `blocks`, key [device number, first time, cut], value an encoded `ScoreBatch` whose
 * header holds the number of rows (`to`), the time of the last row (`timeMs`) and the latest arrival of a row (`from`); table
 * `block-ages`, keys [latest arrival, block key], by which blocks are forgotten: files with old timestamps are not old.
 *
 * Table `forgotten`, keys device numbers: their blocks are shown to nobody and go bit by bit.
 *
 * The blocks of a device are disjoint in time, like the leaves of a search tree: a late row goes into the block of its time,
 * and queries read only the blocks that they answer from. `cut` is 0, or counts the blocks of one long run of equal times.
 */
import { readChunkHeader, type ChunkHeader } from '../../models/domain/chunk.js';
import { ScoreBatch } from '../../models/domain/score-batch.js';
import { StorageCorruptError } from '../../models/errors.js';
import type { LmdbEnvironment } from '../lmdb/lmdb-environment.js';
import type { LmdbTable, WriteSet } from '../lmdb/write-set.js';
import { blockEnds, SEALED_ROWS } from './block-split.js';
import type { DamageReport } from './damage-report.js';
import { RowList } from './row-list.js';

type BlockKey = readonly [device: number, firstMs: number, cut: number];
type AgeKey = readonly [receivedMs: number, ...block: BlockKey];

/** What one transaction does to the blocks. */
export class BlockChanges {
  readonly removes: BlockKey[] = [];
  readonly outdated: AgeKey[] = [];
  readonly puts: { readonly key: BlockKey; readonly age: AgeKey; readonly value: Uint8Array }[] = [];
}

const KEYS_AT_ONCE = 64;
const NOTHING = new Uint8Array(0);

export class ScoreHistory {
  readonly #blocks: LmdbTable;
  readonly #ages: LmdbTable;
  readonly #forgotten: LmdbTable;
  readonly #damage: DamageReport;
  /** Used again for every block that is made. */
  readonly #scratch = ScoreBatch.create();

  /** @param damage is told of damaged blocks: they answer no query, and go when rows come in their place or when they are old. */
  constructor(environment: LmdbEnvironment, damage: DamageReport) {
    this.#blocks = environment.table('blocks');
    this.#ages = environment.table('block-ages');
    this.#forgotten = environment.table('forgotten');
    this.#damage = damage;
  }

  /** Adds to `changes` what puts the sorted `rows` into the history of a device. Changes of one device must be applied before the next call. */
  insert(device: number, rows: RowList, changes: BlockChanges): void {
    for (let from = 0; from < rows.length;) {
      const key = this.#blockOf(device, rows.timeMs(from));
      const nextMs = key === undefined ? Infinity : (this.#after(key)?.[1] ?? Infinity);
      let to = from + 1;
      while (to < rows.length && rows.timeMs(to) < nextMs) to++;
      const news = new RowList();
      news.pushFrom(rows, from, to);
      if (key === undefined) this.#write(device, news, true, 0, changes);
      else this.#insertInto(key, news, changes);
      from = to;
    }
  }

  /** Forgets all. */
  clear(writes: WriteSet): void {
    writes.clear(this.#blocks);
    writes.clear(this.#ages);
    writes.clear(this.#forgotten);
  }

  /** Nobody knows the device number any more: its blocks are to go, by `purge`. */
  forget(writes: WriteSet, device: number): void {
    writes.put(this.#forgotten, device, NOTHING);
  }

  /**
   * Removes blocks of forgotten devices, `maxBlocks` at most.
   *
   * @returns undefined when there is nothing to do
   */
  purge(maxBlocks: number): ((writes: WriteSet) => void) | undefined {
    const [device] = this.#forgotten.getKeys({ limit: 1 }) as Iterable<number>;
    if (device === undefined) return undefined;
    const range = { start: [device], end: [device + 1], limit: maxBlocks };
    const keys = [...this.#blocks.getKeys(range)] as unknown as BlockKey[];
    const ages = keys.flatMap((key): AgeKey[] => {
      const header = this.#block(key)?.header;
      // The age of a damaged block stays until its time: `expire` finds no block for it then.
      return header === undefined ? [] : [[header.from, ...key]];
    });
    return (writes) => {
      for (const key of keys) writes.remove(this.#blocks, [...key]);
      for (const age of ages) writes.remove(this.#ages, [...age]);
      if (keys.length < maxBlocks) writes.remove(this.#forgotten, device);
    };
  }

  apply(writes: WriteSet, changes: BlockChanges): void {
    for (const key of changes.removes) writes.remove(this.#blocks, [...key]);
    for (const key of changes.outdated) writes.remove(this.#ages, [...key]);
    for (const { key, age, value } of changes.puts) {
      writes.put(this.#blocks, [...key], value);
      writes.put(this.#ages, [...age], NOTHING);
    }
  }

  /**
   * Rows from `fromMs` to `toMs` (inclusive), ascending, at least `count` of them if there are so many. The caller wants to
   * leave out `skip` rows of the time `fromMs`; `skipped` says how many of those are left out already.
   */
  from(
    device: number,
    fromMs: number,
    toMs: number,
    skip: number,
    count: number,
  ): { readonly rows: RowList; readonly skipped: number } {
    const rows = new RowList();
    let skipped = 0;
    for (const key of this.#keysFrom(this.#before(device, fromMs) ?? [device, -Infinity, 0])) {
      if (key[1] > toMs || rows.length >= count + skip - skipped) break;
      const block = this.#block(key);
      if (block === undefined || block.header.timeMs < fromMs) continue;
      const { header, bytes } = block;
      const isOfStart = key[1] === fromMs && header.timeMs === fromMs;
      if (isOfStart && rows.length === 0 && skipped + header.to <= skip) {
        skipped += header.to;
        continue;
      }
      const batch = ScoreBatch.decode(bytes);
      for (let i = 0; i < batch.length; i++) {
        const timeMs = batch.timeMs.data[i]!;
        if (timeMs >= fromMs && timeMs <= toMs) rows.push(batch, i);
      }
    }
    return { rows, skipped };
  }

  /** The latest rows up to `toMs` (inclusive), ascending, at least `count` of them if there are so many. */
  latest(device: number, toMs: number, count: number): RowList {
    const found: RowList[] = [];
    let length = 0;
    for (const key of this.#keysBack(device, toMs)) {
      if (length >= count) break;
      const block = this.#block(key);
      if (block === undefined) continue;
      const batch = ScoreBatch.decode(block.bytes);
      const rows = new RowList();
      for (let i = 0; i < batch.length; i++) if (batch.timeMs.data[i]! <= toMs) rows.push(batch, i);
      found.push(rows);
      length += rows.length;
    }
    const latest = new RowList();
    for (const rows of found.reverse()) latest.pushFrom(rows, 0, rows.length);
    return latest;
  }

  /**
   * Adds to `changes` what forgets blocks all of whose rows arrived before `beforeMs`, the oldest first, `maxBlocks` at most;
   * says how many rows go, and whether there may be more.
   */
  expire(
    beforeMs: number,
    maxBlocks: number,
    changes: BlockChanges,
  ): { readonly rows: number; readonly hasMore: boolean } {
    const ages = [...this.#ages.getKeys({ end: [beforeMs], limit: maxBlocks })] as unknown as AgeKey[];
    let rows = 0;
    for (const age of ages) {
      const [receivedMs, ...key] = age;
      changes.outdated.push(age);
      if (!this.#blocks.doesExist([...key])) continue;
      const block = this.#block(key);
      // A damaged block leaves the age that it had: the block that came in its place is younger.
      if (block !== undefined && block.header.from !== receivedMs) continue;
      changes.removes.push(key);
      rows += block?.header.to ?? 0;
    }
    return { rows, hasMore: ages.length === maxBlocks };
  }

  #insertInto(key: BlockKey, news: RowList, changes: BlockChanges): void {
    const block = this.#block(key);
    if (block === undefined) {
      changes.removes.push(key);
      this.#write(key[0], news, true, 0, changes);
      return;
    }
    const { to: length, timeMs: lastMs, from: receivedMs } = block.header;
    const isAppend = news.timeMs(0) >= lastMs;
    if (length >= SEALED_ROWS && news.timeMs(0) > lastMs) {
      this.#write(key[0], news, true, 0, changes);
      return;
    }
    const olds = new RowList();
    olds.pushAll(ScoreBatch.decode(block.bytes));
    changes.removes.push(key);
    changes.outdated.push([receivedMs, ...key]);
    this.#write(key[0], olds.merged(news), isAppend, key[2], changes);
  }

  /** @param cut where to count on from, when the first block has the time of the one it replaces. */
  #write(device: number, rows: RowList, isAppend: boolean, cut: number, changes: BlockChanges): void {
    let from = 0;
    let before: BlockKey = [device, rows.timeMs(0), cut - 1];
    for (const to of blockEnds(rows, isAppend)) {
      this.#scratch.clear();
      let receivedMs = -Infinity;
      for (let i = from; i < to; i++) {
        rows.copyTo(this.#scratch, i);
        receivedMs = Math.max(receivedMs, rows.receivedMs(i));
      }
      const firstMs = rows.timeMs(from);
      const key: BlockKey = [device, firstMs, firstMs === before[1] ? before[2] + 1 : 0];
      const header = { epoch: 0, from: receivedMs, to: to - from, timeMs: rows.timeMs(to - 1) };
      changes.puts.push({ key, age: [receivedMs, ...key], value: this.#scratch.encode(header) });
      before = key;
      from = to;
    }
  }

  /** The block that a row of `timeMs` belongs to: the last that begins at or before it, else the device's first. */
  #blockOf(device: number, timeMs: number): BlockKey | undefined {
    return this.#newest(device, [device, timeMs, Infinity]) ?? this.#first([device]);
  }

  /** The last block that begins before `timeMs`. */
  #before(device: number, timeMs: number): BlockKey | undefined {
    return this.#newest(device, [device, timeMs]);
  }

  #after(key: BlockKey): BlockKey | undefined {
    const next = this.#first([key[0], key[1], key[2] + 1]);
    return next?.[0] === key[0] ? next : undefined;
  }

  #first(start: number[]): BlockKey | undefined {
    const [key] = this.#blocks.getKeys({ start, end: [start[0]! + 1], limit: 1 });
    return key as unknown as BlockKey | undefined;
  }

  #newest(device: number, start: number[]): BlockKey | undefined {
    const [key] = this.#blocks.getKeys({ start, end: [device], reverse: true, limit: 1 });
    return key as unknown as BlockKey | undefined;
  }

  *#keysFrom(key: BlockKey): Generator<BlockKey> {
    let start: number[] = [...key];
    for (;;) {
      const found = [...this.#blocks.getKeys({ start, end: [key[0] + 1], limit: KEYS_AT_ONCE })];
      const keys = found as unknown as BlockKey[];
      yield* keys;
      if (keys.length < KEYS_AT_ONCE) return;
      const last = keys.at(-1)!;
      start = [last[0], last[1], last[2] + 1];
    }
  }

  *#keysBack(device: number, toMs: number): Generator<BlockKey> {
    let start: number[] = [device, toMs, Infinity];
    for (;;) {
      const found = [...this.#blocks.getKeys({ start, end: [device], reverse: true, limit: KEYS_AT_ONCE })];
      const keys = found as unknown as BlockKey[];
      yield* keys;
      if (keys.length < KEYS_AT_ONCE) return;
      const last = keys.at(-1)!;
      start = [last[0], last[1], last[2] - 1];
    }
  }

  /** Undefined, and told, when it is damaged. */
  #block(key: BlockKey): { readonly bytes: Uint8Array; readonly header: ChunkHeader } | undefined {
    return this.#damage.soundOf(() => {
      const bytes = this.#blocks.getBinary([...key]);
      if (bytes === undefined) throw new StorageCorruptError(`the history block ${key.join('/')} is missing`);
      return { bytes, header: blockHeader(key, bytes) };
    });
  }
}

function blockHeader(key: BlockKey, bytes: Uint8Array): ChunkHeader {
  try {
    return readChunkHeader(bytes);
  } catch (error) {
    throw new StorageCorruptError(`the history block ${key.join('/')} is damaged and left out`, { cause: error });
  }
}
