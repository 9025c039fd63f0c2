/**
 * How a record lies in LMDB: 4 bytes crc32c, 4 bytes length of the trace, the payload, the trace (ASCII, mostly none). So the
 * payload starts at a multiple of 8 and can be read as typed arrays without a copy. The checksum covers the stream and the sequence
 * too: a record in the wrong place is as damaged as one with a flipped bit.
 */
import { crc32c } from '@node-rs/crc32';
import { StorageCorruptError } from '../../models/errors.js';
import { TOPICS } from '../../models/stages/stage.js';
import { streamName, type JournalRecord, type StreamId } from './journal.js';

const ENVELOPE_BYTES = 8;
/** Of a `traceparent` of version 00. */
const MOST_TRACE_BYTES = 55;
const address = new DataView(new ArrayBuffer(20));
const addressBytes = new Uint8Array(address.buffer);
/** Without the length of the trace: records without one are as they were before there were traces. */
const shortAddressBytes = addressBytes.subarray(0, 16);

/** @param content payload and trace. */
function checksum(stream: StreamId, sequence: number, content: Uint8Array, traceBytes: number): number {
  address.setUint32(0, TOPICS.indexOf(stream.topic), true);
  address.setUint32(4, stream.partition, true);
  address.setFloat64(8, sequence, true);
  address.setUint32(16, traceBytes, true);
  return crc32c(content, crc32c(traceBytes === 0 ? shortAddressBytes : addressBytes));
}

/** Copies `payload`: its owner may use the buffer again at once. A trace that is none of version 00 is left out. */
export function sealRecord(stream: StreamId, sequence: number, payload: Uint8Array, traceparent = ''): Uint8Array {
  const trace = traceparent.length === MOST_TRACE_BYTES ? Buffer.from(traceparent, 'latin1') : undefined;
  const traceBytes = trace?.length ?? 0;
  const value = new Uint8Array(ENVELOPE_BYTES + payload.length + traceBytes);
  value.set(payload, ENVELOPE_BYTES);
  if (trace !== undefined) value.set(trace, ENVELOPE_BYTES + payload.length);
  const head = new DataView(value.buffer);
  head.setUint32(0, checksum(stream, sequence, value.subarray(ENVELOPE_BYTES), traceBytes), true);
  head.setUint32(4, traceBytes, true);
  return value;
}

/** @throws StorageCorruptError naming the stream and sequence. */
export function openRecord(stream: StreamId, sequence: number, value: Uint8Array): JournalRecord {
  if (value.length < ENVELOPE_BYTES) throw damaged(stream, sequence, `it has ${value.length} bytes`);
  const head = new DataView(value.buffer, value.byteOffset, ENVELOPE_BYTES);
  const traceBytes = head.getUint32(4, true);
  const payloadBytes = value.length - ENVELOPE_BYTES - traceBytes;
  const content = new Uint8Array(value.buffer, value.byteOffset + ENVELOPE_BYTES, value.length - ENVELOPE_BYTES);
  if (payloadBytes < 0 || head.getUint32(0, true) !== checksum(stream, sequence, content, traceBytes)) {
    throw damaged(stream, sequence, 'its checksum does not match');
  }
  if (traceBytes === 0) return { sequence, payload: content };
  const traceparent = Buffer.from(content.subarray(payloadBytes)).toString('latin1');
  return { sequence, payload: content.subarray(0, payloadBytes), traceparent };
}

export function damaged(stream: StreamId, sequence: number, problem: string): StorageCorruptError {
  return new StorageCorruptError(`record ${sequence} of ${streamName(stream)} is damaged: ${problem}`, {
    data: { stream: streamName(stream), sequence },
  });
}
