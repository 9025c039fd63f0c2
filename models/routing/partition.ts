/** Which partition a device belongs to, alike on every node and for ever: the log was written by it. */
import { crc32c } from '@node-rs/crc32';
import type { DeviceKey } from '../domain/identity.js';

/**
 * @param key tenant and device.
 * @param partitions how many there are, fixed when the log was created.
 * @returns 0 to `partitions - 1`.
 */
export function partitionOf(key: DeviceKey, partitions: number): number {
  // crc32c is linear: ids that count up differ in few low bits. Multiplying by the golden ratio (Knuth, TAOCP 3, 6.4) spreads
  // them, and the high bits of the product choose the partition.
  const hash = Math.imul(crc32c(key), 0x9e3779b1) >>> 0;
  return Math.floor((hash / 0x1_0000_0000) * partitions);
}
