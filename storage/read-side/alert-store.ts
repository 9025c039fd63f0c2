/**
 * Alerts in LMDB. Few and important, so every change is written at once.
 *
 * - `alerts`: key [tenant, id], JSON,
 * - `alert-index`: keys [tenant, device or '', status or 0 for all, −raisedMs, id]: every list is one range, newest first,
 * - `alert-ends`: keys [changedMs, tenant, id] of resolved alerts, for `expire`.
 */
import type { Alert, AlertRecord } from '../../models/domain/alert.js';
import { openJson, sealJson } from '../lmdb/checked-value.js';
import type { LmdbEnvironment } from '../lmdb/lmdb-environment.js';
import type { LmdbTable, WriteSet } from '../lmdb/write-set.js';
import {
  ALERT_ID,
  ANY_DEVICE,
  ANY_STATUS,
  MOST_OPEN,
  alertIndexKeys,
  lastOf,
  statusCode,
  type AlertIndexKey as IndexKey,
} from './alert-index.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import type { DamageReport } from './damage-report.js';
import type { AlertQuery, Page } from './read-side.js';

const NOTHING = new Uint8Array(0);
const EXPIRE_AT_ONCE = 1_000;

type EndKey = readonly [changedMs: number, tenant: string, id: string];

export class AlertStore {
  readonly #environment: LmdbEnvironment;
  readonly #alerts: LmdbTable;
  readonly #index: LmdbTable;
  readonly #ends: LmdbTable;
  readonly #damage: DamageReport;

  constructor(environment: LmdbEnvironment, damage: DamageReport) {
    this.#damage = damage;
    this.#environment = environment;
    this.#alerts = environment.table('alerts');
    this.#index = environment.table('alert-index');
    this.#ends = environment.table('alert-ends');
  }

  /**
   * Stores alerts as they are now, the last of equal ids, and forgets those of forgotten devices, in one transaction with
   * `position`. One call at a time.
   *
   * @throws StorageFailedError nothing was stored.
   */
  async put(records: readonly AlertRecord[], position: (writes: WriteSet) => void): Promise<void> {
    const { alerts, forgotten } = lastOf(records);
    const changes = alerts.map((alert) => ({ alert, before: this.get(alert.tenant, alert.id) }));
    await this.#environment.commit((writes) => {
      for (const { tenant, device } of forgotten) this.#forgetDevice(writes, tenant, device);
      for (const { alert, before } of changes) {
        if (before !== undefined) this.#forget(writes, before);
        writes.put(this.#alerts, [alert.tenant, alert.id], sealJson(alert));
        for (const key of alertIndexKeys(alert)) writes.put(this.#index, [...key], NOTHING);
        if (alert.status === 'resolved') writes.put(this.#ends, [...endKey(alert)], NOTHING);
      }
      position(writes);
    });
  }

  /** Forgets all. */
  clear(writes: WriteSet): void {
    writes.clear(this.#alerts);
    writes.clear(this.#index);
    writes.clear(this.#ends);
  }

  /** A damaged alert counts as none. */
  get(tenant: string, id: string): Alert | undefined {
    if (!ALERT_ID.test(id)) return undefined;
    const value = this.#alerts.getBinary([tenant, id]);
    if (value === undefined) return undefined;
    return this.#damage.soundOf(() => openJson(value, `the alert ${id} of ${tenant}`) as Alert);
  }

  list(tenant: string, query: AlertQuery): Page<Alert> {
    const device = query.device ?? ANY_DEVICE;
    const status = query.status === undefined ? ANY_STATUS : statusCode(query.status);
    const start: (string | number)[] = [tenant, device, status];
    if (query.cursor !== undefined) {
      const { number, text } = decodeCursor(query.cursor);
      // One element more: right after the alert that the page before ended with.
      start.push(number, text, 0);
    }
    const end = [tenant, device, status + 1];
    const keys = [...this.#index.getKeys({ start, end, limit: query.limit + 1 })] as unknown as IndexKey[];
    const shown = keys.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      items: shown.flatMap((key) => this.#indexed(key)),
      next: keys.length > query.limit && last !== undefined ? encodeCursor(last[3], last[4]) : undefined,
    };
  }

  /** Ids of a device's alerts that are not resolved, newest first. */
  open(tenant: string, device: string): readonly string[] {
    const ids: string[] = [];
    for (const status of ['open', 'acknowledged'] as const) {
      const code = statusCode(status);
      const range = { start: [tenant, device, code], end: [tenant, device, code + 1], limit: MOST_OPEN };
      for (const key of this.#index.getKeys(range)) ids.push((key as unknown as IndexKey)[4]);
    }
    return ids;
  }

  /** Forgets resolved alerts whose last change arrived before `beforeMs`: at most 1,000 a call. */
  async expire(beforeMs: number): Promise<void> {
    const range = { end: [beforeMs], limit: EXPIRE_AT_ONCE };
    const keys = [...this.#ends.getKeys(range)] as unknown as EndKey[];
    if (keys.length === 0) return;
    await this.#environment.commit((writes) => {
      for (const [changedMs, tenant, id] of keys) {
        const alert = this.get(tenant, id);
        if (alert !== undefined) this.#forget(writes, alert);
        else this.#forgetIndex(writes, tenant, id);
        writes.remove(this.#alerts, [tenant, id]);
        writes.remove(this.#ends, [changedMs, tenant, id]);
      }
    });
  }

  /** Of an alert that cannot be read any more its keys are not known: all of the tenant's are looked through. */
  #forgetIndex(writes: WriteSet, tenant: string, id: string): void {
    for (const key of this.#index.getKeys({ start: [tenant], end: [`${tenant}\0`] })) {
      if ((key as unknown as IndexKey)[4] === id) writes.remove(this.#index, key as (string | number)[]);
    }
  }

  #forgetDevice(writes: WriteSet, tenant: string, device: string): void {
    const range = { start: [tenant, device, ANY_STATUS], end: [tenant, device, ANY_STATUS + 1] };
    for (const key of this.#index.getKeys(range)) {
      const id = (key as unknown as IndexKey)[4];
      const alert = this.get(tenant, id);
      if (alert !== undefined) this.#forget(writes, alert);
      else this.#forgetIndex(writes, tenant, id);
    }
  }

  #forget(writes: WriteSet, alert: Alert): void {
    writes.remove(this.#alerts, [alert.tenant, alert.id]);
    for (const key of alertIndexKeys(alert)) writes.remove(this.#index, [...key]);
    if (alert.status === 'resolved') writes.remove(this.#ends, [...endKey(alert)]);
  }

  /** None for an alert that is damaged, or was: what is left in the index of it may say another status. */
  #indexed([tenant, , status, newestFirst, id]: IndexKey): readonly Alert[] {
    const alert = this.get(tenant, id);
    if (alert === undefined || 0 - alert.raisedMs !== newestFirst) return [];
    return status === ANY_STATUS || status === statusCode(alert.status) ? [alert] : [];
  }
}

/** By arrival, as rows: an alert about old data that was brought in today is kept from today on. */
function endKey(alert: Alert): EndKey {
  return [alert.changedMs, alert.tenant, alert.id];
}
