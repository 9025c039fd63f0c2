/**
 * Small values in LMDB with a checksum in front: 4 bytes crc32c (little endian) of what follows.
 *
 * LMDB itself checks nothing: a bit that flips on the disk would be read as data.
 */
import { crc32c } from '@node-rs/crc32';
import { StorageCorruptError } from '../../models/errors.js';

const CRC_BYTES = 4;

export function sealBytes(bytes: Uint8Array): Uint8Array {
  const value = new Uint8Array(CRC_BYTES + bytes.length);
  value.set(bytes, CRC_BYTES);
  new DataView(value.buffer).setUint32(0, crc32c(bytes), true);
  return value;
}

/**
 * @param what names the value in the message of the error.
 * @throws StorageCorruptError when the bytes are not what `sealBytes` made.
 */
export function openSealed(value: Uint8Array, what: string): Uint8Array {
  const bytes = value.subarray(CRC_BYTES);
  const stored =
    value.length < CRC_BYTES ? -1 : new DataView(value.buffer, value.byteOffset, CRC_BYTES).getUint32(0, true);
  if (crc32c(bytes) !== stored) throw new StorageCorruptError(`${what}: the stored bytes are not what was written`);
  return bytes;
}

export function sealNumbers(...numbers: readonly number[]): Uint8Array {
  return sealBytes(new Uint8Array(Float64Array.from(numbers).buffer));
}

export function openNumbers(value: Uint8Array, count: number, what: string): readonly number[] {
  const bytes = openSealed(value, what);
  if (bytes.length !== count * 8) throw new StorageCorruptError(`${what} must have ${count} numbers`);
  return Array.from(new Float64Array(Uint8Array.from(bytes).buffer));
}

export function sealJson(value: unknown): Uint8Array {
  return sealBytes(Buffer.from(JSON.stringify(value)));
}

export function openJson(value: Uint8Array, what: string): unknown {
  return JSON.parse(Buffer.from(openSealed(value, what)).toString()) as unknown;
}
