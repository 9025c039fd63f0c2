/** Summaries and latest rows of the devices of one partition. */
import { deviceKey, type DeviceKey } from '../../../models/domain/identity.js';
import { ScoreKind, type ScoreBatch } from '../../../models/domain/score-batch.js';
import type { RedisConnection } from '../../redis/redis-connection.js';
import type { DamageReport } from '../damage-report.js';
import { applyRow, newDeviceRecord, type DeviceRecord } from '../device-record.js';
import { MOST_FORMS, packBlock, unpackBlocks, type RowBlock, type RowForm } from './packed-rows.js';
import { parseStanding, standingText, type Chunk, type ChunkStore, type Standing } from './projected-partition.js';
import { POSITION_FIELD, type RedisKeys } from './redis-keys.js';
import { EXPIRE_ROWS, READ_DEVICE, WRITE_SCORES } from './redis-scripts.js';

/** As stored, JSON. */
interface DeviceEntry {
  readonly record: DeviceRecord;
  forms: RowForm[];
  /** Rows appended since they were cut last: about as many as there are. */
  rows: number;
}

export interface DeviceView {
  /** Chunks of the log up to here are in what was read. */
  readonly position: number;
  readonly record: DeviceRecord | undefined;
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
    await this.#load(rowsOfChunks.flatMap((rows) => [...rows.keys()]));
    const devices = new Map<DeviceKey, DeviceChange>();
    chunks.forEach((chunk, c) => {
      for (const [key, indexes] of rowsOfChunks[c]!) {
        let change = devices.get(key);
        if (change === undefined) devices.set(key, (change = this.#changeOf(key)));
        this.#takeIn(change, chunk, indexes);
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
    for (const [key, { entry, blocks, isSet }] of devices) {
      keys.push(this.#rowKey(key));
      const isFull = entry.rows > this.#recentRows * CUT_AT;
      if (isFull) entry.rows = this.#recentRows;
      args.push(isSet ? 'set' : isFull ? 'trim' : 'append', key, JSON.stringify(entry), joined(blocks));
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
    return { position: parseStanding(position ?? null).sequence, record: parsed?.record, blocks: blocks ?? [] };
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

  #changeOf(key: DeviceKey): DeviceChange {
    const known = this.#entries.get(key);
    if (known !== undefined) return { entry: known, blocks: [], isSet: false };
    const entry: DeviceEntry = { record: newDeviceRecord(0), forms: [], rows: 0 };
    this.#entries.set(key, entry);
    // Rows of a device without a summary are left over from another time.
    return { entry, blocks: [], isSet: true };
  }

  #takeIn(change: DeviceChange, { sequence, content }: Chunk<ScoreBatch>, indexes: readonly number[]): void {
    const { entry } = change;
    for (const i of indexes) applyRow(entry.record, content, i);
    let kept = indexes.slice(-this.#recentRows);
    const forms = formsOf(content, kept);
    const isFull = new Set([...entry.forms.map(formText), ...forms.keys()]).size > MOST_FORMS;
    if (kept.length < indexes.length || isFull) {
      // What is older cannot stay without a hole: it is read from the log from now on.
      change.isSet = true;
      change.blocks = [];
      entry.rows = 0;
      if (isFull) entry.forms = [];
    }
    if (forms.size > MOST_FORMS) kept = lastOfFewForms(content, kept);
    const indexOf = new Map(entry.forms.map((form, n) => [formText(form), n]));
    const formOf = (i: number): number => {
      const form = formAt(content, i);
      const text = formText(form);
      let n = indexOf.get(text);
      if (n === undefined) indexOf.set(text, (n = entry.forms.push(form) - 1));
      return n;
    };
    change.blocks.push(packBlock(content, kept, indexes.length - kept.length, sequence, formOf));
    entry.rows += kept.length;
  }

  #rowKey(key: DeviceKey): string {
    let name = this.#rowKeys.get(key);
    if (name === undefined) this.#rowKeys.set(key, (name = this.#keys.rows(this.#partition, key)));
    return name;
  }
}

interface DeviceChange {
  readonly entry: DeviceEntry;
  blocks: Buffer[];
  isSet: boolean;
}

function parseEntry(value: Buffer): DeviceEntry {
  return JSON.parse(value.toString()) as DeviceEntry;
}

function rowsByDevice(batch: ScoreBatch): ReadonlyMap<DeviceKey, readonly number[]> {
  const byIndex: number[][] = [];
  for (let i = 0; i < batch.length; i++) {
    if (batch.kind.data[i] !== ScoreKind.command) (byIndex[batch.device.data[i]!] ??= []).push(i);
  }
  const rows = new Map<DeviceKey, readonly number[]>();
  byIndex.forEach((indexes, device) => rows.set(batch.devices.get(device), indexes));
  return rows;
}

const formAt = (batch: ScoreBatch, i: number): RowForm => [
  batch.profileName(i),
  batch.modelVersion(i),
  ...batch.channels(i),
];
const formText = (form: RowForm): string => form.join('\n');

function formsOf(batch: ScoreBatch, indexes: readonly number[]): ReadonlyMap<string, number> {
  const forms = new Map<string, number>();
  for (const i of indexes) forms.set(formText(formAt(batch, i)), i);
  return forms;
}

/** The longest end of `indexes` that does with as many forms as fit. */
function lastOfFewForms(batch: ScoreBatch, indexes: readonly number[]): number[] {
  const forms = new Set<string>();
  let from = indexes.length;
  while (from > 0) {
    forms.add(formText(formAt(batch, indexes[from - 1]!)));
    if (forms.size > MOST_FORMS) break;
    from--;
  }
  return indexes.slice(from);
}

const joined = (blocks: readonly Buffer[]): Buffer => (blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks));
