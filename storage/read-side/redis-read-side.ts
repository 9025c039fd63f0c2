/**
 * The read side of a cluster: projections in Redis, written by whoever owns a partition, read by everybody.
 *
 * A chunk is in Redis when its write resolves, together with its position. Of each device Redis has a summary and the latest rows;
 * older rows are read from the log. See `redis/redis-keys.ts` for what lies where.
 */
import type { Alert, AlertBatch, AlertRecord } from '../../models/domain/alert.js';
import { deviceOf, isDeviceId, isTenantId, type DeviceKey } from '../../models/domain/identity.js';
import { ScoreBatch, ScoreKind } from '../../models/domain/score-batch.js';
import { partitionOf } from '../../models/routing/partition.js';
import { RequestInvalidError, StorageFailedError } from '../../models/errors.js';
import type { RedisConnection } from '../redis/redis-connection.js';
import { ALERT_ID } from './alert-index.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { DamageReport } from './damage-report.js';
import { summaryOf, type DeviceRecord } from './device-record.js';
import type { LogHistory } from './log-history.js';
import { checkLimit } from './page-limit.js';
import type {
  AlertQuery,
  DeviceSummary,
  Page,
  ProjectedTopic,
  ReadSide,
  ScorePage,
  ScoreQuery,
  Shelf,
} from './read-side.js';
import { AlertTable, type ListedAlert } from './redis/alert-table.js';
import { DeviceRows } from './redis/device-rows.js';
import { ProjectedPartition } from './redis/projected-partition.js';
import { RedisKeys } from './redis/redis-keys.js';
import { ScoreTable } from './redis/score-table.js';
import { ShelfTable } from './redis/shelf-table.js';
import { batchOf, idPage, knownKey, MOST_ITEMS, MOST_ROWS } from './score-page.js';

export interface RedisReadSideOptions {
  /** Of every topic, as the log was created with. */
  readonly partitions: number;
  /** Begins every key: several systems may share one Redis. 1 to 64 letters, digits, `-`, `_`. Default `redshank`. */
  readonly prefix?: string;
  /** Latest rows of each device in Redis, 16 to 10,000. There may be a quarter more. Default 256. */
  readonly recentRows?: number;
  /** Rows of a device that is not heard of go after so many days. Default 30. */
  readonly historyDays?: number;
  /** Where older rows are read. Without it they are not shown. */
  readonly history?: LogHistory;
  /** Told once of each damaged value, which is left out and dropped. Default: a warning of the process. */
  readonly onDamage?: (message: string) => void;
}

const DEFAULT_RECENT_ROWS = 256;
const DEFAULT_HISTORY_DAYS = 30;
const DAY_MS = 86_400_000;
/** One `expire` looks at so many times 500 devices of a partition at most. */
const EXPIRE_ROUNDS = 20;

interface Partition {
  readonly scores: ScoreTable;
  readonly alerts: AlertTable;
  readonly scoresWay: ProjectedPartition<ScoreBatch>;
  readonly alertsWay: ProjectedPartition<readonly AlertRecord[]>;
}

export class RedisReadSide implements ReadSide {
  readonly #redis: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #partitions: readonly Partition[];
  readonly #shelves: ShelfTable;
  readonly #rows: DeviceRows;
  #isClosed = false;

  /** @param redis stays the caller's to close. @throws SettingInvalidError for a prefix that cannot be. */
  constructor(redis: RedisConnection, options: RedisReadSideOptions) {
    const damage = new DamageReport(options.onDamage ?? ((message) => process.emitWarning(message)));
    const ttlMs = Math.ceil((options.historyDays ?? DEFAULT_HISTORY_DAYS) * DAY_MS);
    const recentRows = options.recentRows ?? DEFAULT_RECENT_ROWS;
    this.#redis = redis;
    this.#keys = new RedisKeys(options.prefix ?? 'redshank');
    this.#shelves = new ShelfTable(redis, this.#keys);
    this.#rows = new DeviceRows(options.history);
    this.#partitions = Array.from({ length: options.partitions }, (_, partition) => {
      const scores = new ScoreTable(redis, this.#keys, partition, { recentRows, ttlMs, damage });
      const alerts = new AlertTable(redis, this.#keys, partition);
      const [scoresWay, alertsWay] = [new ProjectedPartition(scores), new ProjectedPartition(alerts)];
      return { scores, alerts, scoresWay, alertsWay };
    });
  }

  get unflushedRows(): number {
    return this.#partitions.reduce((sum, { scoresWay }) => sum + scoresWay.waitingWeight, 0);
  }

  async writeScores(partition: number, sequence: number, batch: ScoreBatch, after = 0): Promise<number> {
    this.#checkOpen();
    // Encoding is the quickest copy: columns are copied as they are.
    const copy = ScoreBatch.decode(batch.encode({ epoch: 0, from: 0, to: 0, timeMs: 0 }));
    let rows = 0;
    for (let i = 0; i < copy.length; i++) if (copy.kind.data[i] !== ScoreKind.command) rows++;
    return this.#of(partition).scoresWay.write(sequence, after, copy, rows);
  }

  async writeAlerts(partition: number, sequence: number, batch: AlertBatch, after = 0): Promise<number> {
    this.#checkOpen();
    const records = [...batch.records];
    return this.#of(partition).alertsWay.write(sequence, after, records, records.length);
  }

  async position(topic: ProjectedTopic, partition: number): Promise<number> {
    this.#checkOpen();
    const { scoresWay, alertsWay } = this.#of(partition);
    return topic === 'scores' ? scoresWay.position() : alertsWay.position();
  }

  async flush(): Promise<void> {
    await Promise.all(
      this.#partitions.flatMap(({ scoresWay, alertsWay }) => [scoresWay.settled(), alertsWay.settled()]),
    );
  }

  async expire(beforeMs: number): Promise<number> {
    this.#checkOpen();
    this.#rows.forgetBefore(beforeMs);
    this.#shelves.expire(beforeMs);
    let gone = 0;
    for (const { scores, alerts } of this.#partitions) {
      for (let round = 0; round < EXPIRE_ROUNDS; round++) {
        const { rows, hasMore } = await scores.expire(beforeMs);
        gone += rows;
        if (!hasMore) break;
      }
      for (let round = 0; round < EXPIRE_ROUNDS && (await alerts.expire(beforeMs)); round++);
    }
    return gone;
  }

  async forget(): Promise<void> {
    this.#checkOpen();
    for (const [partition] of this.#partitions.entries()) {
      await this.#redis.command('unlink', ...this.#keys.ofTopic('scores', partition));
      await this.#redis.command('unlink', ...this.#keys.ofTopic('alerts', partition));
    }
  }

  async scores(tenant: string, device: string, query: ScoreQuery): Promise<ScorePage> {
    this.#checkOpen();
    checkLimit(query.limit, MOST_ROWS);
    const key = knownKey(tenant, device);
    if (key === undefined) return { batch: ScoreBatch.create(), next: undefined };
    const partition = partitionOf(key, this.#partitions.length);
    const { scores } = this.#of(partition);
    const { rows, ...page } = await this.#rows.page(partition, key, query, () => scores.read(key));
    return { batch: await batchOf(rows), ...page };
  }

  async device(tenant: string, device: string): Promise<DeviceSummary | undefined> {
    this.#checkOpen();
    const key = knownKey(tenant, device);
    return key === undefined ? undefined : (await this.#summaries([key]))[0];
  }

  async devices(
    tenant: string,
    query: { readonly limit: number; readonly cursor?: string },
  ): Promise<Page<DeviceSummary>> {
    this.#checkOpen();
    checkLimit(query.limit, MOST_ITEMS);
    if (!isTenantId(tenant)) return { items: [], next: undefined };
    const after = query.cursor === undefined ? '' : decodeCursor(query.cursor).text;
    if (after !== '' && !isDeviceId(after)) {
      throw new RequestInvalidError('cursor must be the "next" of a page of devices');
    }
    const found = await Promise.all(
      this.#partitions.map(({ scores }) => scores.keysAfter(tenant, after, query.limit + 1)),
    );
    const sorted = found.flat().sort((a, b) => (a < b ? -1 : 1));
    const { shown, next } = idPage(sorted.map(deviceOf), query.limit);
    return { items: await this.#summaries(sorted.slice(0, shown.length)), next };
  }

  async alert(tenant: string, id: string): Promise<Alert | undefined> {
    this.#checkOpen();
    if (!isTenantId(tenant) || !ALERT_ID.test(id)) return undefined;
    // An id does not say of which device it is.
    const found = await Promise.all(this.#partitions.map(({ alerts }) => alerts.get(tenant, [id])));
    return found.flat().find((alert) => alert !== undefined);
  }

  async alerts(tenant: string, query: AlertQuery): Promise<Page<Alert>> {
    this.#checkOpen();
    checkLimit(query.limit, MOST_ITEMS);
    const { device, status, limit } = query;
    const key = device === undefined ? undefined : knownKey(tenant, device);
    if (!isTenantId(tenant) || (device !== undefined && key === undefined)) return { items: [], next: undefined };
    const cursor = query.cursor === undefined ? undefined : decodeCursor(query.cursor);
    const after = cursor && { newestFirst: cursor.number, id: cursor.text };
    const tables = (key === undefined ? this.#partitions : [this.#of(partitionOf(key, this.#partitions.length))]).map(
      ({ alerts }) => alerts,
    );
    const lists = await Promise.all(tables.map((table) => table.list(tenant, device, status, after, limit + 1)));
    const listed = lists
      .flatMap((list, i) => list.map((alert) => ({ ...alert, table: tables[i]! })))
      .sort((a, b) => (a.order < b.order ? -1 : 1));
    const shown = listed.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: await wholeAlerts(tenant, shown),
      next: listed.length > limit && last !== undefined ? encodeCursor(last.newestFirst, last.id) : undefined,
    };
  }

  async put(shelf: Shelf, tenant: string, key: string, value: Uint8Array, ttlMs: number, nowMs: number): Promise<void> {
    this.#checkOpen();
    await this.#shelves.put(shelf, tenant, key, value, ttlMs, nowMs);
  }

  async get(shelf: Shelf, tenant: string, key: string, nowMs: number): Promise<Uint8Array | undefined> {
    this.#checkOpen();
    return this.#shelves.get(shelf, tenant, key, nowMs);
  }

  /** Waits for writes in hand. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flush();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new StorageFailedError('the read side is closed');
  }

  #of(partition: number): Partition {
    const found = this.#partitions[partition];
    if (found === undefined) {
      throw new RangeError(`partition must be 0 to ${this.#partitions.length - 1}, got ${partition}`);
    }
    return found;
  }

  /** In the order of `keys`, without those that are not known. */
  async #summaries(keys: readonly DeviceKey[]): Promise<DeviceSummary[]> {
    const byPartition = new Map<number, DeviceKey[]>();
    for (const key of keys) {
      const partition = partitionOf(key, this.#partitions.length);
      const list = byPartition.get(partition);
      if (list === undefined) byPartition.set(partition, [key]);
      else list.push(key);
    }
    const found = new Map<DeviceKey, { readonly record: DeviceRecord; readonly open: readonly string[] }>();
    await Promise.all(
      [...byPartition].map(async ([partition, some]) => {
        const { scores, alerts } = this.#of(partition);
        const [records, open] = await Promise.all([scores.records(some), alerts.open(some)]);
        for (const [key, record] of records) found.set(key, { record, open: open.get(key) ?? [] });
      }),
    );
    return keys.flatMap((key) => {
      const { record, open } = found.get(key) ?? {};
      return record === undefined ? [] : [summaryOf(key, record, open ?? [])];
    });
  }
}

async function wholeAlerts(
  tenant: string,
  listed: readonly (ListedAlert & { readonly table: AlertTable })[],
): Promise<Alert[]> {
  const tables = [...new Set(listed.map(({ table }) => table))];
  const found = new Map<string, Alert>();
  await Promise.all(
    tables.map(async (table) => {
      const ids = listed.filter((alert) => alert.table === table).map(({ id }) => id);
      for (const alert of await table.get(tenant, ids)) if (alert !== undefined) found.set(alert.id, alert);
    }),
  );
  return listed.flatMap(({ id }) => found.get(id) ?? []);
}
