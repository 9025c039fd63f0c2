import type { Alert, AlertBatch } from '../../models/domain/alert.js';
import { isForget } from '../../models/domain/command.js';
import { deviceKey, deviceOf, tenantOf } from '../../models/domain/identity.js';
import { Phase, ScoreBatch, ScoreKind } from '../../models/domain/score-batch.js';
import type {
  AlertQuery,
  DeviceSummary,
  Page,
  ReadSide,
  ScorePage,
  ScoreQuery,
  Shelf,
} from '../../storage/read-side/read-side.js';

/** What the gateway reads, in memory: enough of the port for suites that want no disk and no pipeline. */
export class MemoryReadSide implements ReadSide {
  readonly unflushedRows = 0;
  readonly alertsById = new Map<string, Alert>();
  readonly #rows = new Map<string, ScoreBatch>();
  readonly #shelves = new Map<string, { readonly value: Uint8Array; readonly endMs: number }>();

  writeScores(_partition: number, _sequence: number, batch: ScoreBatch): Promise<number> {
    for (let i = 0; i < batch.length; i++) {
      const key = batch.deviceKey(i);
      if (batch.kind.data[i] === ScoreKind.command) {
        if (isForget(batch.commandText(i))) this.#rows.delete(key);
        continue;
      }
      let rows = this.#rows.get(key);
      if (rows === undefined) this.#rows.set(key, (rows = ScoreBatch.create()));
      rows.copyFrom(batch, i);
    }
    return this.position();
  }

  writeAlerts(_partition: number, _sequence: number, batch: AlertBatch): Promise<number> {
    for (const record of batch.records) {
      if (record.change !== 'forgotten') this.alertsById.set(record.alert.id, record.alert);
      else for (const [id, { device }] of this.alertsById) if (device === record.device) this.alertsById.delete(id);
    }
    return this.position();
  }

  position = (): Promise<number> => Promise.resolve(0);
  forget = (): Promise<void> => Promise.resolve();
  flush = (): Promise<void> => Promise.resolve();
  expire = (): Promise<number> => Promise.resolve(0);
  close = (): Promise<void> => Promise.resolve();

  scores(tenant: string, device: string, { fromMs, toMs = Infinity, limit, cursor }: ScoreQuery): Promise<ScorePage> {
    const all = this.#rows.get(deviceKey(tenant, device)) ?? ScoreBatch.create();
    const chosen: number[] = [];
    for (let i = 0; i < all.length; i++) {
      const timeMs = all.timeMs.data[i]!;
      if (timeMs >= (fromMs ?? -Infinity) && timeMs <= toMs) chosen.push(i);
    }
    const start = fromMs === undefined ? Math.max(0, chosen.length - limit) : Number(cursor ?? 0);
    const batch = ScoreBatch.create();
    for (const i of chosen.slice(start, start + limit)) batch.copyFrom(all, i);
    const hasMore = fromMs !== undefined && start + limit < chosen.length;
    return Promise.resolve({ batch, next: hasMore ? String(start + limit) : undefined });
  }

  device(tenant: string, device: string): Promise<DeviceSummary | undefined> {
    const rows = this.#rows.get(deviceKey(tenant, device));
    return Promise.resolve(rows && this.#summary(deviceKey(tenant, device), rows));
  }

  devices(tenant: string, { limit, cursor }: { limit: number; cursor?: string }): Promise<Page<DeviceSummary>> {
    const keys = [...this.#rows.keys()].filter((key) => tenantOf(key) === tenant && key > (cursor ?? '')).sort();
    const items = keys.slice(0, limit).map((key) => this.#summary(key, this.#rows.get(key)!));
    return Promise.resolve({ items, next: keys.length > limit ? keys[limit - 1] : undefined });
  }

  alert(tenant: string, id: string): Promise<Alert | undefined> {
    const alert = this.alertsById.get(id);
    return Promise.resolve(alert?.tenant === tenant ? alert : undefined);
  }

  alerts(tenant: string, { status, device, limit }: AlertQuery): Promise<Page<Alert>> {
    const items = [...this.alertsById.values()]
      .filter((alert) => alert.tenant === tenant)
      .filter((alert) => (status ?? alert.status) === alert.status && (device ?? alert.device) === alert.device)
      .sort((a, b) => b.raisedMs - a.raisedMs);
    return Promise.resolve({ items: items.slice(0, limit), next: undefined });
  }

  put(shelf: Shelf, tenant: string, key: string, value: Uint8Array, ttlMs: number, nowMs: number): Promise<void> {
    this.#shelves.set(`${shelf} ${tenant} ${key}`, { value, endMs: nowMs + ttlMs });
    return Promise.resolve();
  }

  get(shelf: Shelf, tenant: string, key: string, nowMs: number): Promise<Uint8Array | undefined> {
    const kept = this.#shelves.get(`${shelf} ${tenant} ${key}`);
    return Promise.resolve(kept !== undefined && kept.endMs > nowMs ? kept.value : undefined);
  }

  #summary(key: string, rows: ScoreBatch): DeviceSummary {
    const last = rows.length - 1;
    return {
      tenant: tenantOf(key),
      device: deviceOf(key),
      profile: rows.profileName(last),
      model: rows.modelVersion(last),
      phase: rows.phase.data[last] === Phase.ready ? 'ready' : 'warming',
      progress: rows.progress.data[last]!,
      channels: rows.channels(last),
      firstSeenMs: rows.receivedMs.data[0]!,
      lastSeenMs: rows.receivedMs.data[last]!,
      lastReadingMs: rows.timeMs.data[last]!,
      lastScore: rows.score.data[last]!,
      threshold: rows.threshold.data[last]!,
      isAnomaly: rows.flags.data[last] === 1,
      isSilent: false,
      outcomes: { scored: rows.length, duplicate: 0, conflict: 0, late: 0, future: 0, invalid: 0, filled: 0 },
      openAlerts: [...this.alertsById.values()]
        .filter((alert) => deviceKey(alert.tenant, alert.device) === key && alert.status !== 'resolved')
        .map((alert) => alert.id),
    };
  }
}
