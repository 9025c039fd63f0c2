/**
 * Short-lived answers in Redis: the end of life by the caller's clock (float64, Unix ms, little endian), then the bytes. The clock of
 * Redis removes them some time after.
 */
import type { RedisConnection } from '../../redis/redis-connection.js';
import type { Shelf } from '../read-side.js';
import type { RedisKeys } from './redis-keys.js';

const END_BYTES = 8;
/** The clocks may differ by so much. */
const SPARE_MS = 60_000;

export class ShelfTable {
  readonly #redis: RedisConnection;
  readonly #keys: RedisKeys;
  /** The latest time up to which somebody wanted what is over to be gone. */
  #expiredMs = -Infinity;

  constructor(redis: RedisConnection, keys: RedisKeys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async put(shelf: Shelf, tenant: string, key: string, value: Uint8Array, ttlMs: number, nowMs: number): Promise<void> {
    if (!(ttlMs > 0)) throw new RangeError(`ttlMs must be > 0, got ${ttlMs}`);
    const bytes = Buffer.allocUnsafe(END_BYTES + value.length);
    bytes.writeDoubleLE(nowMs + ttlMs, 0);
    bytes.set(value, END_BYTES);
    await this.#redis.command('set', this.#keys.shelf(shelf, tenant, key), bytes, 'PX', Math.ceil(ttlMs) + SPARE_MS);
  }

  async get(shelf: Shelf, tenant: string, key: string, nowMs: number): Promise<Uint8Array | undefined> {
    const bytes = (await this.#redis.command('get', this.#keys.shelf(shelf, tenant, key))) as Buffer | null;
    if (bytes === null || bytes.length < END_BYTES) return undefined;
    return bytes.readDoubleLE(0) > Math.max(nowMs, this.#expiredMs)
      ? Uint8Array.from(bytes.subarray(END_BYTES))
      : undefined;
  }

  /** Redis itself removes what is over; here it is only no longer shown. */
  expire(beforeMs: number): void {
    this.#expiredMs = Math.max(this.#expiredMs, beforeMs);
  }
}
