/** The embedded read side: projections in one LMDB environment, with the newest rows in memory until `flush`. */
import type { Alert, AlertBatch } from '../../models/domain/alert.js';
import { isForget } from '../../models/domain/command.js';
import { deviceKey, isDeviceId, isTenantId, type DeviceKey } from '../../models/domain/identity.js';
import { ScoreKind, type ScoreBatch } from '../../models/domain/score-batch.js';
import { RequestInvalidError, StorageCorruptError, StorageFailedError } from '../../models/errors.js';
import { EventLoopSlices } from '../event-loop-slices.js';
import type { LmdbEnvironment } from '../lmdb/lmdb-environment.js';
import { SerialQueue } from '../serial-queue.js';
import { AlertStore } from './alert-store.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { DamageReport } from './damage-report.js';
import { applyRow, copyOf, newDeviceRecord, summaryOf, type DeviceRecord } from './device-record.js';
import { DeviceTable } from './device-table.js';
import { checkLimit } from './page-limit.js';
import { PositionTable } from './position-table.js';
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
import { RowList } from './row-list.js';
import { BlockChanges, ScoreHistory } from './score-history.js';
import { batchOf, cutPage, idPage, knownKey, lastRows, MOST_ITEMS, MOST_ROWS } from './score-page.js';
import { ShelfStore } from './shelf-store.js';
import { UnflushedPartition, type Generation } from './unflushed.js';

export interface LmdbReadSideOptions {
  /** Rows that may wait for a flush before writes are refused. Default 1,000,000. */
  readonly maxUnflushedRows?: number;
  /** Told once of each damaged value, which is left out and dropped. Default: a warning of the process. */
  readonly onDamage?: (message: string) => void;
}

/** Blocks that one `expire` forgets at most: the oldest. A block and its age are two removes. */
const EXPIRE_BLOCKS = 20_000;
const EXPIRE_BLOCKS_A_COMMIT = 32;
/** A block and its age are two removes. */
const PURGE_BLOCKS_A_COMMIT = 31;
const PURGE_COMMITS = 64;

/**
 * Rows and device records of a chunk are copied and shown at once. `flush` takes a partition's
 * generation, adds its rows to the history, and writes blocks, records and position in one transaction: so counts are exact
 * however often a crash makes the log come again.
 */
export class LmdbReadSide implements ReadSide {
  readonly #environment: LmdbEnvironment;
  readonly #history: ScoreHistory;
  readonly #devices: DeviceTable;
  readonly #positions: PositionTable;
  readonly #alerts: AlertStore;
  readonly #shelves: ShelfStore;
  readonly #damage: DamageReport;
  readonly #maxUnflushedRows: number;
  readonly #unflushed = new Map<number, UnflushedPartition>();
  /** Last sequence of `alerts` that is shown, by partition. */
  readonly #shownAlerts = new Map<number, number>();
  /** Flushes and expiry read, change and write the same blocks: one at a time. */
  readonly #historyQueue = new SerialQueue();
  readonly #alertQueue = new SerialQueue();
  #unflushedRows = 0;
  #isClosed = false;

  /** @param environment stays the caller's to close. */
  constructor(environment: LmdbEnvironment, options: LmdbReadSideOptions = {}) {
    this.#environment = environment;
    this.#damage = new DamageReport(options.onDamage ?? ((message) => process.emitWarning(message)));
    this.#history = new ScoreHistory(environment, this.#damage);
    this.#devices = new DeviceTable(environment, this.#damage);
    this.#positions = new PositionTable(environment);
    this.#alerts = new AlertStore(environment, this.#damage);
    this.#shelves = new ShelfStore(environment);
    this.#maxUnflushedRows = options.maxUnflushedRows ?? 1_000_000;
  }

  get unflushedRows(): number {
    return this.#unflushedRows;
  }

  writeScores(partition: number, sequence: number, batch: ScoreBatch, after = 0): Promise<number> {
    return this.#attempt(() => {
      const target = this.#partition(partition);
      checkShown(`scores.${partition}`, target.shown, after);
      this.#writeScores(target, sequence, batch);
      return target.flushed;
    });
  }

  writeAlerts(partition: number, sequence: number, batch: AlertBatch, after = 0): Promise<number> {
    const records = [...batch.records];
    return this.#alertQueue.run(async () => {
      this.#checkOpen();
      checkShown(`alerts.${partition}`, this.#shownAlert(partition), after);
      if (sequence <= this.#shownAlert(partition)) return this.#positions.get('alerts', partition);
      if (records.length > 0) {
        await this.#alerts.put(records, (writes) => this.#positions.put(writes, 'alerts', partition, sequence));
      }
      this.#shownAlerts.set(partition, sequence);
      return this.#positions.get('alerts', partition);
    });
  }

  position(topic: ProjectedTopic, partition: number): Promise<number> {
    return this.#attempt(() => this.#positions.get(topic, partition));
  }

  flush(): Promise<void> {
    return this.#attempt(() => this.#flush());
  }

  expire(beforeMs: number): Promise<number> {
    return this.#historyQueue.run(async () => {
      this.#checkOpen();
      const rows = await this.#expireRows(beforeMs);
      await this.#alertQueue.run(() => this.#alerts.expire(beforeMs));
      await this.#shelves.expire(beforeMs);
      return rows;
    });
  }

  forget(): Promise<void> {
    return this.#historyQueue.run(() =>
      this.#alertQueue.run(async () => {
        this.#checkOpen();
        await this.#environment.commit((writes) => {
          for (const part of [this.#history, this.#devices, this.#positions, this.#alerts]) part.clear(writes);
        });
        this.#unflushed.clear();
        this.#shownAlerts.clear();
        this.#unflushedRows = 0;
      }),
    );
  }

  async scores(tenant: string, device: string, query: ScoreQuery): Promise<ScorePage> {
    const found = await this.#attempt(() => {
      checkLimit(query.limit, MOST_ROWS);
      const key = knownKey(tenant, device);
      return key === undefined ? { rows: new RowList(), next: undefined } : this.#rows(key, query);
    });
    return { batch: await batchOf(found.rows), next: found.next };
  }

  device(tenant: string, device: string): Promise<DeviceSummary | undefined> {
    return this.#attempt(() => {
      const key = knownKey(tenant, device);
      const record = key === undefined ? undefined : this.#record(key);
      return key === undefined || record === undefined
        ? undefined
        : summaryOf(key, record, this.#alerts.open(tenant, device));
    });
  }

  devices(tenant: string, query: { readonly limit: number; readonly cursor?: string }): Promise<Page<DeviceSummary>> {
    return this.#attempt(() => {
      checkLimit(query.limit, MOST_ITEMS);
      if (!isTenantId(tenant)) return { items: [], next: undefined };
      const after = query.cursor === undefined ? '' : decodeCursor(query.cursor).text;
      const ids = new Set(this.#devices.idsAfter(tenant, after, query.limit + 1));
      const prefix = deviceKey(tenant, '');
      for (const { generations } of this.#unflushed.values()) {
        for (const { records } of generations) {
          for (const key of records.keys()) {
            if (key.startsWith(prefix) && key.slice(prefix.length) > after) ids.add(key.slice(prefix.length));
          }
        }
      }
      const sorted = [...ids].sort((a, b) => (a < b ? -1 : 1));
      const { shown, next } = idPage(sorted, query.limit);
      const items = shown.flatMap((id) => {
        const record = this.#record(deviceKey(tenant, id));
        return record === undefined ? [] : [summaryOf(deviceKey(tenant, id), record, this.#alerts.open(tenant, id))];
      });
      return { items, next };
    });
  }

  alert(tenant: string, id: string): Promise<Alert | undefined> {
    return this.#attempt(() => (isTenantId(tenant) ? this.#alerts.get(tenant, id) : undefined));
  }

  alerts(tenant: string, query: AlertQuery): Promise<Page<Alert>> {
    return this.#attempt(() => {
      checkLimit(query.limit, MOST_ITEMS);
      const isKnown = isTenantId(tenant) && (query.device === undefined || isDeviceId(query.device));
      return isKnown ? this.#alerts.list(tenant, query) : { items: [], next: undefined };
    });
  }

  async put(shelf: Shelf, tenant: string, key: string, value: Uint8Array, ttlMs: number, nowMs: number): Promise<void> {
    await this.#attempt(() => this.#shelves.put(shelf, tenant, key, value, ttlMs, nowMs));
  }

  get(shelf: Shelf, tenant: string, key: string, nowMs: number): Promise<Uint8Array | undefined> {
    return this.#attempt(() => this.#shelves.get(shelf, tenant, key, nowMs));
  }

  /** Flushes what it can; damage is told, and no reason to fail: what could not be flushed comes again from the log. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#alertQueue.run(() => Promise.resolve());
    try {
      await this.#flush();
    } catch (error) {
      if (!(error instanceof StorageCorruptError)) throw error;
      this.#damage.tell(error.message);
    }
  }

  #writeScores(target: UnflushedPartition, sequence: number, batch: ScoreBatch): void {
    if (sequence <= target.shown) return;
    if (this.#unflushedRows > 0 && this.#unflushedRows + batch.length > this.#maxUnflushedRows) {
      throw new StorageFailedError(`at most ${this.#maxUnflushedRows} rows may wait for a flush`);
    }
    const { growing } = target;
    // By index of the device: looked up once a device and chunk, not once a row, and all before the first change.
    const records: DeviceRecord[] = [];
    const rows: RowList[] = [];
    for (let i = 0; i < batch.length; i++) {
      const device = batch.device.data[i]!;
      if (batch.kind.data[i] === ScoreKind.command || records[device] !== undefined) continue;
      records[device] = this.#growingRecord(target, batch.deviceKey(i));
      rows[device] = growing.rowsOf(batch.deviceKey(i));
    }
    for (let i = 0; i < batch.length; i++) {
      const device = batch.device.data[i]!;
      if (batch.kind.data[i] === ScoreKind.command) {
        if (!isForget(batch.commandText(i))) continue;
        this.#forgetDevice(target, batch.deviceKey(i));
        // Where no further row is of it, there is none.
        if (hasRowAfter(batch, i)) {
          records[device] = this.#growingRecord(target, batch.deviceKey(i));
          rows[device] = growing.rowsOf(batch.deviceKey(i));
        }
        continue;
      }
      growing.batch.copyFrom(batch, i);
      rows[device]!.push(growing.batch, growing.batch.length - 1);
      applyRow(records[device]!, batch, i);
      growing.rowCount++;
      this.#unflushedRows++;
    }
    growing.position = sequence;
    target.shown = sequence;
  }

  /** What `work` throws becomes a rejection. */
  #attempt<T>(work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      this.#checkOpen();
      resolve(work());
    });
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new StorageFailedError('the read side is closed');
  }

  #flush(): Promise<void> {
    return this.#historyQueue.run(async () => {
      // Each by itself: one that cannot be flushed must not keep the others from it.
      const flushes = [...this.#unflushed].map(
        ([partition, unflushed]) =>
          () =>
            this.#flushPartition(partition, unflushed),
      );
      const problems: unknown[] = [];
      for (const flush of [...flushes, () => this.#flushAlertPositions()]) {
        await flush().catch((error: unknown) => problems.push(error));
      }
      // What can be tried again counts for more than damage.
      if (problems.length > 0) throw problems.find((error) => !(error instanceof StorageCorruptError)) ?? problems[0];
      await this.#purge();
    });
  }

  #partition(partition: number): UnflushedPartition {
    let unflushed = this.#unflushed.get(partition);
    if (unflushed === undefined) {
      unflushed = new UnflushedPartition(this.#positions.get('scores', partition));
      this.#unflushed.set(partition, unflushed);
    }
    return unflushed;
  }

  #shownAlert(partition: number): number {
    return this.#shownAlerts.get(partition) ?? this.#positions.get('alerts', partition);
  }

  /** The record to change: a copy, when the device was not yet touched in this generation. */
  #growingRecord(target: UnflushedPartition, key: DeviceKey): DeviceRecord {
    const { growing } = target;
    const known = growing.records.get(key);
    if (known) return known;
    const before = target.record(key);
    const stored = before === undefined ? this.#devices.get(key) : undefined;
    const record = before ? copyOf(before) : (stored ?? newDeviceRecord(this.#devices.nextNumber()));
    growing.records.set(key, record);
    return record;
  }

  #forgetDevice(target: UnflushedPartition, key: DeviceKey): void {
    const { growing } = target;
    const before = target.record(key);
    const number = before === undefined ? this.#devices.get(key)?.number : before?.number;
    growing.records.set(key, null);
    growing.rows.delete(key);
    growing.forgotten.add(key);
    if (number !== undefined) growing.forgottenNumbers.push(number);
  }

  #record(key: DeviceKey): DeviceRecord | undefined {
    for (const unflushed of this.#unflushed.values()) {
      const record = unflushed.record(key);
      if (record !== undefined) return record ?? undefined;
    }
    return this.#devices.get(key);
  }

  /** All in one turn, so that history and memory are of the same moment. */
  #rows(key: DeviceKey, query: ScoreQuery): { readonly rows: RowList; readonly next: string | undefined } {
    const record = this.#record(key);
    if (record === undefined) return { rows: new RowList(), next: undefined };
    const toMs = query.toMs ?? Infinity;
    if (query.fromMs === undefined) {
      const all = this.#history.latest(record.number, toMs, query.limit).merged(this.#pending(key, -Infinity, toMs));
      return { rows: lastRows(all, query.limit), next: undefined };
    }
    const { number: fromMs, text } =
      query.cursor === undefined ? { number: query.fromMs, text: '0' } : decodeCursor(query.cursor);
    const skip = Number(text);
    if (!/^\d{1,12}$/.test(text)) throw new RequestInvalidError('cursor must be the "next" of a page of scores');
    const stored = this.#history.from(record.number, fromMs, toMs, skip, query.limit + 1);
    const all = stored.rows.merged(this.#pending(key, fromMs, toMs));
    const { rows, more } = cutPage(all, fromMs, skip, query.limit, stored.skipped);
    return { rows, next: more && encodeCursor(more.timeMs, String(more.given)) };
  }

  /** Rows in memory, sorted. Those that a commit has just made part of the history are left out. */
  #pending(key: DeviceKey, fromMs: number, toMs: number): RowList {
    const pending = new RowList();
    for (const [partition, { generations }] of this.#unflushed) {
      if (!generations.some((generation) => generation.rows.has(key))) continue;
      const stored = this.#positions.get('scores', partition);
      const since = generations.findLastIndex(({ forgotten }) => forgotten.has(key));
      for (const generation of generations.slice(Math.max(since, 0))) {
        const rows = generation.rows.get(key);
        if (rows === undefined || generation.position <= stored) continue;
        for (let i = 0; i < rows.length; i++) {
          if (rows.timeMs(i) >= fromMs && rows.timeMs(i) <= toMs) pending.pushFrom(rows, i, i + 1);
        }
      }
    }
    return pending.sorted();
  }

  async #flushPartition(partition: number, unflushed: UnflushedPartition): Promise<void> {
    unflushed.freeze();
    while (unflushed.generations.length > 1) {
      const generation = unflushed.generations[0]!;
      const changes = await this.#changesOf(generation);
      await this.#environment.commit((writes) => {
        this.#history.apply(writes, changes);
        for (const number of generation.forgottenNumbers) this.#history.forget(writes, number);
        for (const [key, record] of generation.records) {
          if (record === null) this.#devices.remove(writes, key);
          else this.#devices.put(writes, key, record);
        }
        this.#positions.put(writes, 'scores', partition, generation.position);
      });
      unflushed.generations.shift();
      unflushed.flushed = generation.position;
      this.#unflushedRows -= generation.rowCount;
    }
  }

  async #changesOf(generation: Generation): Promise<BlockChanges> {
    const changes = new BlockChanges();
    const slices = new EventLoopSlices();
    for (const [key, rows] of generation.rows) {
      this.#history.insert(generation.records.get(key)!.number, rows.sorted(), changes);
      await slices.pause();
    }
    return changes;
  }

  /** The blocks of forgotten devices, a bounded number a flush. */
  async #purge(): Promise<void> {
    for (let commits = 0; commits < PURGE_COMMITS; commits++) {
      const removes = this.#history.purge(PURGE_BLOCKS_A_COMMIT);
      if (removes === undefined) return;
      await this.#environment.reclaim(removes);
    }
  }

  /** Chunks without alerts move the position too; that need not be written at once. */
  async #flushAlertPositions(): Promise<void> {
    const moved = [...this.#shownAlerts].filter(
      ([partition, shown]) => shown > this.#positions.get('alerts', partition),
    );
    if (moved.length === 0) return;
    await this.#environment.commit((writes) => {
      for (const [partition, shown] of moved) this.#positions.put(writes, 'alerts', partition, shown);
    });
  }

  async #expireRows(beforeMs: number): Promise<number> {
    let rows = 0;
    for (let blocks = 0; blocks < EXPIRE_BLOCKS; blocks += EXPIRE_BLOCKS_A_COMMIT) {
      const changes = new BlockChanges();
      const expired = this.#history.expire(beforeMs, EXPIRE_BLOCKS_A_COMMIT, changes);
      if (changes.outdated.length > 0)
        await this.#environment.reclaim((writes) => this.#history.apply(writes, changes));
      rows += expired.rows;
      if (!expired.hasMore) break;
    }
    return rows;
  }
}

/** Whether a row of the device of record `i` follows. */
function hasRowAfter(batch: ScoreBatch, i: number): boolean {
  for (let j = i + 1; j < batch.length; j++) {
    if (batch.device.data[j] === batch.device.data[i] && batch.kind.data[j] !== ScoreKind.command) return true;
  }
  return false;
}

function checkShown(stream: string, shown: number, after: number): void {
  if (after > shown) {
    throw new StorageFailedError(`${stream}: the read side stands at ${shown}, not at ${after}: fill it from there`);
  }
}
