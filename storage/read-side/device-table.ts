/** Device records: table `devices`, key [tenant, device], JSON; table `device-numbers`, key 0, the highest number given. */
import { deviceOf, tenantOf, type DeviceKey } from '../../models/domain/identity.js';
import { openJson, openNumbers, sealJson, sealNumbers } from '../lmdb/checked-value.js';
import type { LmdbEnvironment } from '../lmdb/lmdb-environment.js';
import type { LmdbTable, WriteSet } from '../lmdb/write-set.js';
import type { DamageReport } from './damage-report.js';
import type { DeviceRecord } from './device-record.js';

/** Sorts after every character of a device id. */
const AFTER_ALL_IDS = '\x7f';

export class DeviceTable {
  readonly #devices: LmdbTable;
  readonly #numbers: LmdbTable;
  readonly #damage: DamageReport;
  #highest: number;

  constructor(environment: LmdbEnvironment, damage: DamageReport) {
    this.#damage = damage;
    this.#devices = environment.table('devices');
    this.#numbers = environment.table('device-numbers');
    const stored = this.#numbers.getBinary(0);
    this.#highest = stored === undefined ? 0 : openNumbers(stored, 1, 'the highest device number')[0]!;
  }

  /** A number for a new device. Kept for good by the next `put`. */
  nextNumber(): number {
    return ++this.#highest;
  }

  /** A damaged record counts as none: the device begins again, under a new number. */
  get(key: DeviceKey): DeviceRecord | undefined {
    const value = this.#devices.getBinary([tenantOf(key), deviceOf(key)]);
    if (value === undefined) return undefined;
    return this.#damage.soundOf(() => openJson(value, `the record of device ${key}`) as DeviceRecord);
  }

  put(writes: WriteSet, key: DeviceKey, record: DeviceRecord): void {
    writes.put(this.#devices, [tenantOf(key), deviceOf(key)], sealJson(record));
    writes.put(this.#numbers, 0, sealNumbers(this.#highest));
  }

  remove(writes: WriteSet, key: DeviceKey): void {
    writes.remove(this.#devices, [tenantOf(key), deviceOf(key)]);
  }

  /** Forgets all. */
  clear(writes: WriteSet): void {
    writes.clear(this.#devices);
  }

  idsAfter(tenant: string, device: string, limit: number): readonly string[] {
    // One element more than the key of `device`: right after it.
    const start = device === '' ? [tenant] : [tenant, device, 0];
    const keys = [...this.#devices.getKeys({ start, end: [tenant, AFTER_ALL_IDS], limit })];
    return (keys as [string, string][]).map((key) => key[1]);
  }
}
