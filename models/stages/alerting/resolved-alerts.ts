/** The latest resolved alerts, kept for the verdict that a person gives afterwards. Bounded for a device and for a partition. */
import type { Alert } from '../../domain/alert.js';
import { deviceKey, type DeviceKey } from '../../domain/identity.js';

const MAX_PER_DEVICE = 8;
const MAX_PER_PARTITION = 1_000;

export class ResolvedAlerts {
  /** Oldest first, by the time of resolving. */
  readonly #alerts = new Map<string, Alert>();
  readonly #idsByDevice = new Map<string, string[]>();

  constructor(alerts: readonly Alert[] = []) {
    for (const alert of alerts) this.add(alert);
  }

  add(alert: Alert): void {
    const key = deviceKey(alert.tenant, alert.device);
    const ids = this.#idsByDevice.get(key) ?? [];
    ids.push(alert.id);
    this.#idsByDevice.set(key, ids);
    this.#alerts.set(alert.id, alert);
    if (ids.length > MAX_PER_DEVICE) this.#remove(ids[0]!);
    if (this.#alerts.size > MAX_PER_PARTITION) this.#remove(this.#alerts.keys().next().value!);
  }

  get(id: string): Alert | undefined {
    return this.#alerts.get(id);
  }

  /** Keeps its place in the order. */
  replace(alert: Alert): void {
    this.#alerts.set(alert.id, alert);
  }

  /** Those of one device. */
  forget(key: DeviceKey): void {
    for (const id of this.#idsByDevice.get(key) ?? []) this.#alerts.delete(id);
    this.#idsByDevice.delete(key);
  }

  /** Oldest first; what the constructor takes. */
  list(): Alert[] {
    return [...this.#alerts.values()];
  }

  #remove(id: string): void {
    const { tenant, device } = this.#alerts.get(id)!;
    const key = deviceKey(tenant, device);
    const ids = this.#idsByDevice.get(key)!.filter((other) => other !== id);
    if (ids.length === 0) this.#idsByDevice.delete(key);
    else this.#idsByDevice.set(key, ids);
    this.#alerts.delete(id);
  }
}
