/**
 * How a record lies in LMDB: 4 bytes crc32c, 4 bytes 0, then the payload, which so starts at a multiple of 8 and can be
 * read as typed arrays without a copy. The checksum covers the stream and the sequence too: a record in the wrong place
 * is as damaged as one with a flipped bit.
 */
import { crc32c } from '@node-rs/crc32';
import { StorageCorruptError } from '../../models/errors.js';
import { TOPICS } from '../../models/stages/stage.js';
import { streamName, type StreamId } from './journal.js';

const ENVELOPE_BYTES = 8;
const address = new DataView(new ArrayBuffer(16));
const addressBytes = new Uint8Array(address.buffer);

function checksum(stream: StreamId, sequence: number, payload: Uint8Array): number {
  address.setUint32(0, TOPICS.indexOf(stream.topic), true);
  address.setUint32(4, stream.partition, true);
  address.setFloat64(8, sequence, true);
  return crc32c(payload, crc32c(addressBytes));
}

/** Copies `payload`: its owner may use the buffer again at once. */
export function sealRecord(stream: StreamId, sequence: number, payload: Uint8Array): Uint8Array {
  const value = new Uint8Array(ENVELOPE_BYTES + payload.length);
  value.set(payload, ENVELOPE_BYTES);
  new DataView(value.buffer).setUint32(0, checksum(stream, sequence, payload), true);
  return value;
}

/** @throws StorageCorruptError naming the stream and sequence. */
export function openRecord(stream: StreamId, sequence: number, value: Uint8Array): Uint8Array {
  if (value.length < ENVELOPE_BYTES) throw damaged(stream, sequence, `it has ${value.length} bytes`);
  const stored = new DataView(value.buffer, value.byteOffset, 4).getUint32(0, true);
  const payload = new Uint8Array(value.buffer, value.byteOffset + ENVELOPE_BYTES, value.length - ENVELOPE_BYTES);
  if (stored !== checksum(stream, sequence, payload)) throw damaged(stream, sequence, 'its checksum does not match');
  return payload;
}

export function damaged(stream: StreamId, sequence: number, problem: string): StorageCorruptError {
  return new StorageCorruptError(`record ${sequence} of ${streamName(stream)} is damaged: ${problem}`, {
    data: { stream: streamName(stream), sequence },
  });
}
