/** Device records: table `devices`, key [tenant, device], JSON; table `device-numbers`, key 0, the highest number given. */
import { deviceOf, tenantOf, type DeviceKey } from '../../models/domain/identity.js';
import { openJson, openNumbers, sealJson, sealNumbers } from '../lmdb/checked-value.js';
import type { LmdbDatabase, LmdbEnvironment } from '../lmdb/lmdb-environment.js';
import type { DeviceRecord } from './device-record.js';

/** Sorts after every character of a device id. */
const AFTER_ALL_IDS = '\x7f';

export class DeviceTable {
  readonly #devices: LmdbDatabase;
  readonly #numbers: LmdbDatabase;
  #highest: number;

  constructor(environment: LmdbEnvironment) {
    this.#devices = environment.database('devices');
    this.#numbers = environment.database('device-numbers');
    const stored = this.#numbers.getBinary(0);
    this.#highest = stored === undefined ? 0 : openNumbers(stored, 1, 'the highest device number')[0]!;
  }

  /** A number for a new device. Kept for good by the next `put`. */
  nextNumber(): number {
    return ++this.#highest;
  }

  get(key: DeviceKey): DeviceRecord | undefined {
    const value = this.#devices.getBinary([tenantOf(key), deviceOf(key)]);
    return value === undefined ? undefined : (openJson(value, `the record of device ${deviceOf(key)}`) as DeviceRecord);
  }

  /** To be called inside a commit. */
  put(key: DeviceKey, record: DeviceRecord): void {
    void this.#devices.put([tenantOf(key), deviceOf(key)], sealJson(record));
    void this.#numbers.put(0, sealNumbers(this.#highest));
  }

  idsAfter(tenant: string, device: string, limit: number): readonly string[] {
    // One element more than the key of `device`: right after it.
    const start = device === '' ? [tenant] : [tenant, device, 0];
    const keys = [...this.#devices.getKeys({ start, end: [tenant, AFTER_ALL_IDS], limit })];
    return (keys as [string, string][]).map((key) => key[1]);
  }
}
