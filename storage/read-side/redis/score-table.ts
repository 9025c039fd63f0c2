/** Summaries and latest rows of the devices of one partition. */
import { isForget } from '../../../models/domain/command.js';
import { deviceKey, type DeviceKey } from '../../../models/domain/identity.js';
import { ScoreKind, type ScoreBatch } from '../../../models/domain/score-batch.js';
import type { RedisConnection } from '../../redis/redis-connection.js';
import type { DamageReport } from '../damage-report.js';
import { applyRow, newDeviceRecord, type DeviceRecord } from '../device-record.js';
import { packBlock, rowsOf, unpackBlocks, type RowBlock } from './packed-rows.js';
import { parseStanding, standingText, type Chunk, type ChunkStore, type Standing } from './projected-partition.js';
import { POSITION_FIELD, type RedisKeys } from './redis-keys.js';
import { EXPIRE_ROWS, READ_DEVICE, WRITE_SCORES } from './redis-scripts.js';
import { ChunkForms, DeviceForms, type RowForm } from './row-forms.js';

/** As stored, JSON. */
interface DeviceEntry {
  readonly record: DeviceRecord;
  forms: RowForm[];
  /** Rows appended since they were cut last: about as many as there are. */
  rows: number;
  /** The chunk in which the device came up, or came back after it was forgotten: rows before it are none of its. Older entries have none. */
  readonly since?: number;
}

export interface DeviceView {
  /** Chunks of the log up to here are in what was read. */
  readonly position: number;
  readonly record: DeviceRecord | undefined;
  /** The device's first chunk; 0: not known. */
  readonly since: number;
  /** Of consecutive chunks that have rows of the device, the last one at or before `position`. May be none. */
  readonly blocks: readonly RowBlock[];
}

/** Devices whose summaries a writer remembers, a partition. Beyond that it reads them again. */
const MOST_REMEMBERED = 20_000;
/** Rows are cut when there are so many times as many as wanted: less often than they come. */
const CUT_AT = 1.25;
const EXPIRE_AT_ONCE = 500;
/** Answers of devices in one command: some 200 KB. */
const READ_AT_ONCE = 500;

export class ScoreTable implements ChunkStore<ScoreBatch> {
  readonly name: string;
  readonly #redis: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #partition: number;
  readonly #fixedKeys: readonly string[];
  readonly #recentRows: number;
  readonly #ttlMs: number;
  readonly #damage: DamageReport;
  readonly #entries = new Map<DeviceKey, DeviceEntry>();
  readonly #rowKeys = new Map<DeviceKey, string>();

  constructor(
    redis: RedisConnection,
    keys: RedisKeys,
    partition: number,
    options: { readonly recentRows: number; readonly ttlMs: number; readonly damage: DamageReport },
  ) {
    this.name = `scores.${partition}`;
    this.#redis = redis;
    this.#keys = keys;
    this.#partition = partition;
    this.#fixedKeys = keys.ofTopic('scores', partition);
    this.#recentRows = options.recentRows;
    this.#ttlMs = options.ttlMs;
    this.#damage = options.damage;
  }

  async standing(): Promise<Standing> {
    return parseStanding((await this.#redis.command('hget', this.#fixedKeys[0]!, POSITION_FIELD)) as Buffer | null);
  }

  forget(): void {
    this.#entries.clear();
    this.#rowKeys.clear();
  }

  async write(
    chunks: readonly Chunk<ScoreBatch>[],
    expected: Standing,
  ): Promise<{ isDone: boolean; standing: Standing }> {
    const rowsOfChunks = chunks.map(({ content }) => rowsByDevice(content));
    const forgottenOfChunks = chunks.map(({ content }) => forgottenIn(content));
    await this.#load(rowsOfChunks.flatMap((rows) => [...rows.keys()]));
    const devices = new Map<DeviceKey, DeviceChange | typeof FORGOTTEN>();
    chunks.forEach((chunk, c) => {
      const forms = new ChunkForms(chunk.content);
      for (const key of forgottenOfChunks[c]!) {
        this.#entries.delete(key);
        devices.set(key, FORGOTTEN);
      }
      for (const [key, indexes] of rowsOfChunks[c]!) {
        let change = devices.get(key);
        if (change === undefined || change === FORGOTTEN) {
          devices.set(key, (change = this.#changeOf(key, chunk.sequence)));
        }
        this.#takeIn(change, chunk, forms, indexes);
      }
    });
    const reached = { sequence: chunks.at(-1)!.sequence, version: expected.version };
    const keys = [...this.#fixedKeys];
    const args: (string | number | Buffer)[] = [
      standingText(expected),
      standingText(reached),
      this.#recentRows,
      this.#ttlMs,
    ];
    for (const [key, change] of devices) {
      keys.push(this.#rowKey(key));
      if (change === FORGOTTEN) {
        args.push('forget', key, '', 0);
        continue;
      }
      const { entry, blocks, isSet } = change;
      const isFull = entry.rows > this.#recentRows * CUT_AT;
      if (isFull) entry.rows = this.#recentRows;
      args.push(isSet ? 'set' : isFull ? 'trim' : 'append', key, JSON.stringify(entry), blocks.length, ...blocks);
    }
    const [isDone, standing] = (await this.#redis.run(WRITE_SCORES, keys, args)) as [number, Buffer];
    if (this.#entries.size > MOST_REMEMBERED) this.forget();
    return { isDone: isDone === 1, standing: parseStanding(standing) };
  }

  async read(key: DeviceKey): Promise<DeviceView> {
    const found = await this.#redis.run(
      READ_DEVICE,
      [...this.#fixedKeys, this.#keys.rows(this.#partition, key)],
      [key],
    );
    const [position, entry, rows] = found as (Buffer | null)[];
    const parsed = entry == null ? undefined : parseEntry(entry);
    const blocks =
      rows == null || parsed === undefined ? [] : this.#damage.soundOf(() => unpackBlocks(rows, key, parsed.forms));
    return {
      position: parseStanding(position ?? null).sequence,
      record: parsed?.record,
      since: parsed?.since ?? 0,
      blocks: blocks ?? [],
    };
  }

  async records(keys: readonly DeviceKey[]): Promise<ReadonlyMap<DeviceKey, DeviceRecord>> {
    const records = new Map<DeviceKey, DeviceRecord>();
    for (let i = 0; i < keys.length; i += READ_AT_ONCE) {
      const some = keys.slice(i, i + READ_AT_ONCE);
      const found = (await this.#redis.command('hmget', this.#fixedKeys[0]!, ...some)) as (Buffer | null)[];
      found.forEach((entry, j) => entry !== null && records.set(some[j]!, parseEntry(entry).record));
    }
    return records;
  }

  /** Device keys of a tenant after `device`, by name. */
  async keysAfter(tenant: string, device: string, limit: number): Promise<readonly DeviceKey[]> {
    const from = device === '' ? `[${deviceKey(tenant, '')}` : `(${deviceKey(tenant, device)}`;
    // "0" is what follows the slash.
    const found = await this.#redis.command('zrangebylex', this.#fixedKeys[1]!, from, `(${tenant}0`, 'LIMIT', 0, limit);
    return (found as Buffer[]).map(String);
  }

  /** @returns how many rows went, of 500 devices at most, and whether there may be more. */
  async expire(beforeMs: number): Promise<{ readonly rows: number; readonly hasMore: boolean }> {
    const old = await this.#redis.command(
      'zrangebyscore',
      this.#fixedKeys[2]!,
      '-inf',
      `(${beforeMs}`,
      'LIMIT',
      0,
      EXPIRE_AT_ONCE,
    );
    const devices = (old as Buffer[]).map(String);
    if (devices.length === 0) return { rows: 0, hasMore: false };
    const keys = [...this.#fixedKeys, ...devices.map((device) => this.#keys.rows(this.#partition, device))];
    const rows = (await this.#redis.run(EXPIRE_ROWS, keys, [beforeMs, ...devices])) as number;
    return { rows, hasMore: devices.length === EXPIRE_AT_ONCE };
  }

  /** Reads the summaries that are not remembered. */
  async #load(keys: readonly DeviceKey[]): Promise<void> {
    const unknown = [...new Set(keys)].filter((key) => !this.#entries.has(key));
    for (let i = 0; i < unknown.length; i += READ_AT_ONCE) {
      const some = unknown.slice(i, i + READ_AT_ONCE);
      const found = (await this.#redis.command('hmget', this.#fixedKeys[0]!, ...some)) as (Buffer | null)[];
      found.forEach((entry, j) => entry !== null && this.#entries.set(some[j]!, parseEntry(entry)));
    }
  }

  /** @param sequence of the chunk that is about to be taken in. */
  #changeOf(key: DeviceKey, sequence: number): DeviceChange {
    const known = this.#entries.get(key);
    if (known !== undefined) return { entry: known, blocks: [], rows: 0, isSet: false };
    const entry: DeviceEntry = { record: newDeviceRecord(0), forms: [], rows: 0, since: sequence };
    this.#entries.set(key, entry);
    // Rows of a device without a summary are left over from another time.
    return { entry, blocks: [], rows: 0, isSet: true };
  }

  #takeIn(
    change: DeviceChange,
    { sequence, content }: Chunk<ScoreBatch>,
    chunkForms: ChunkForms,
    indexes: readonly number[],
  ): void {
    const { entry } = change;
    for (const i of indexes) applyRow(entry.record, content, i);
    let kept: readonly number[] = indexes.slice(-this.#recentRows);
    let forms = new DeviceForms(entry.forms).take(chunkForms, kept);
    if (forms === undefined) {
      entry.forms = [];
      kept = chunkForms.lastOf(kept);
      forms = new DeviceForms(entry.forms).take(chunkForms, kept)!;
      beginAnew(change);
    } else if (kept.length < indexes.length) {
      beginAnew(change);
    }
    const formOf = (i: number): number => forms.get(chunkForms.ofRow[i]!)!;
    change.blocks.push(packBlock(content, kept, indexes.length - kept.length, sequence, formOf));
    change.rows += kept.length;
    entry.rows += kept.length;
    if (change.rows >= this.#recentRows) keepLast(change, this.#recentRows);
  }

  #rowKey(key: DeviceKey): string {
    let name = this.#rowKeys.get(key);
    if (name === undefined) this.#rowKeys.set(key, (name = this.#keys.rows(this.#partition, key)));
    return name;
  }
}

/** The device was forgotten, and has not come back since. */
const FORGOTTEN = 'forgotten';

interface DeviceChange {
  readonly entry: DeviceEntry;
  blocks: Buffer[];
  /** In `blocks`. */
  rows: number;
  /** The blocks take the place of all that there are. */
  isSet: boolean;
}

/** So many rows alone are enough: what Redis has is older, and so are the first blocks. */
function keepLast(change: DeviceChange, rows: number): void {
  change.isSet = true;
  let from = 0;
  while (change.rows - rowsOf(change.blocks[from]!) >= rows) change.rows -= rowsOf(change.blocks[from++]!);
  change.blocks.splice(0, from);
  change.entry.rows = change.rows;
}

/** What is older would not be whole: it is read from the log from now on. */
function beginAnew(change: DeviceChange): void {
  change.isSet = true;
  change.blocks = [];
  change.rows = 0;
  change.entry.rows = 0;
}

function parseEntry(value: Buffer): DeviceEntry {
  return JSON.parse(value.toString()) as DeviceEntry;
}

/** Of a device that is forgotten in the batch, those after that. */
function rowsByDevice(batch: ScoreBatch): ReadonlyMap<DeviceKey, readonly number[]> {
  const byIndex: number[][] = [];
  for (let i = 0; i < batch.length; i++) {
    const device = batch.device.data[i]!;
    if (batch.kind.data[i] !== ScoreKind.command) (byIndex[device] ??= []).push(i);
    else if (isForget(batch.commandText(i))) byIndex[device] = [];
  }
  const rows = new Map<DeviceKey, readonly number[]>();
  byIndex.forEach((indexes, device) => {
    if (indexes.length > 0) rows.set(batch.devices.get(device), indexes);
  });
  return rows;
}

function forgottenIn(batch: ScoreBatch): readonly DeviceKey[] {
  const keys: DeviceKey[] = [];
  for (let i = 0; i < batch.length; i++) {
    if (batch.kind.data[i] === ScoreKind.command && isForget(batch.commandText(i))) keys.push(batch.deviceKey(i));
  }
  return keys;
}
