/**
 * The latest rows of one device: a list of blocks in log order, one for each chunk of the log that has rows of it.
 *
 * New blocks are appended and old ones cut off, on the server, so a row is sent once and never read to be written again. That
 * needs a row without much around it: 113 bytes for three channels and no reasons, where a chunk of one row has some 800. What
 * rows of a device have in common (profile, model, channels) is a *form*, kept once in the device's summary. A list of Redis packs
 * its small elements into few allocations; one string that grows is given twice the bytes that it needs.
 *
 * | offset | of a block, little endian |
 * | ------ | --- |
 * | 0      | u32 bytes of the block |
 * | 4      | u32 rows in it |
 * | 8      | u32 earlier rows of the same chunk that were left out, being too many |
 * | 12     | f64 sequence of the chunk |
 * | 20     | f64 latest arrival of its rows, Unix ms |
 * | 28     | rows |
 *
 * A row: u8 form, kind, outcome, phase, flags, number of reasons; f64 event time, arrival; f32 score, event, threshold, progress;
 * a channel f64 actual, f32 expected, lower, upper, contribution, u8 imputed; a reason u8 code, u32 channel, f32 a, b.
 */
import type { DeviceKey } from '../../../models/domain/identity.js';
import { ScoreBatch } from '../../../models/domain/score-batch.js';
import { StorageCorruptError } from '../../../models/errors.js';
import type { RowForm } from './row-forms.js';

const BLOCK_HEADER_BYTES = 28;
const ROW_BYTES = 38;
const CHANNEL_BYTES = 25;
const REASON_BYTES = 13;

export interface RowBlock {
  readonly sequence: number;
  /** Rows of the chunk before these that are not here. */
  readonly leftOut: number;
  readonly rows: ScoreBatch;
}

/**
 * @param indexes rows of `batch`, all of one device, in log order.
 * @param leftOut how many rows of the chunk stand before them.
 * @param formOf index of the form of a row.
 */
export function packBlock(
  batch: ScoreBatch,
  indexes: readonly number[],
  leftOut: number,
  sequence: number,
  formOf: (i: number) => number,
): Buffer {
  let bytes = BLOCK_HEADER_BYTES;
  for (const i of indexes) {
    bytes += ROW_BYTES + CHANNEL_BYTES * batch.channels(i).length + REASON_BYTES * batch.reasonCount.data[i]!;
  }
  const block = Buffer.allocUnsafe(bytes);
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  let receivedMs = -Infinity;
  let at = BLOCK_HEADER_BYTES;
  for (const i of indexes) {
    receivedMs = Math.max(receivedMs, batch.receivedMs.data[i]!);
    at = packRow(view, at, batch, i, formOf(i));
  }
  view.setUint32(0, bytes, true);
  view.setUint32(4, indexes.length, true);
  view.setUint32(8, leftOut, true);
  view.setFloat64(12, sequence, true);
  view.setFloat64(20, receivedMs, true);
  return block;
}

export function rowsOf(block: Buffer): number {
  return block.readUInt32LE(4);
}

function packRow(view: DataView, start: number, batch: ScoreBatch, i: number, form: number): number {
  const channels = batch.channels(i).length;
  const reasons = batch.reasonCount.data[i]!;
  let at = start;
  view.setUint8(at, form);
  view.setUint8(at + 1, batch.kind.data[i]!);
  view.setUint8(at + 2, batch.outcome.data[i]!);
  view.setUint8(at + 3, batch.phase.data[i]!);
  view.setUint8(at + 4, batch.flags.data[i]!);
  view.setUint8(at + 5, reasons);
  view.setFloat64(at + 6, batch.timeMs.data[i]!, true);
  view.setFloat64(at + 14, batch.receivedMs.data[i]!, true);
  view.setFloat32(at + 22, batch.score.data[i]!, true);
  view.setFloat32(at + 26, batch.event.data[i]!, true);
  view.setFloat32(at + 30, batch.threshold.data[i]!, true);
  view.setFloat32(at + 34, batch.progress.data[i]!, true);
  at += ROW_BYTES;
  const from = batch.start(i);
  for (let c = from; c < from + channels; c++, at += CHANNEL_BYTES) {
    view.setFloat64(at, batch.actual.data[c]!, true);
    view.setFloat32(at + 8, batch.expected.data[c]!, true);
    view.setFloat32(at + 12, batch.lower.data[c]!, true);
    view.setFloat32(at + 16, batch.upper.data[c]!, true);
    view.setFloat32(at + 20, batch.contribution.data[c]!, true);
    view.setUint8(at + 24, batch.imputed.data[c]!);
  }
  const firstReason = batch.reasonStart(i);
  for (let r = firstReason; r < firstReason + reasons; r++, at += REASON_BYTES) {
    view.setUint8(at, batch.reasonCode.data[r]!);
    view.setUint32(at + 1, batch.reasonChannel.data[r]!, true);
    view.setFloat32(at + 5, batch.reasonA.data[r]!, true);
    view.setFloat32(at + 9, batch.reasonB.data[r]!, true);
  }
  return at;
}

/** @throws StorageCorruptError when `value` is not what `packBlock` made, or of other forms. */
export function unpackBlocks(value: Buffer, device: DeviceKey, forms: readonly RowForm[]): readonly RowBlock[] {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const blocks: RowBlock[] = [];
  try {
    for (let at = 0; at < value.length;) {
      const bytes = view.getUint32(at, true);
      const count = view.getUint32(at + 4, true);
      if (bytes < BLOCK_HEADER_BYTES || at + bytes > value.length) throw new RangeError(`a block of ${bytes} bytes`);
      const rows = ScoreBatch.create();
      let row = at + BLOCK_HEADER_BYTES;
      for (let i = 0; i < count; i++) row = unpackRow(view, row, rows, device, forms);
      if (row !== at + bytes) throw new RangeError(`a block of ${bytes} bytes whose rows have ${row - at}`);
      blocks.push({ sequence: view.getFloat64(at + 12, true), leftOut: view.getUint32(at + 8, true), rows });
      at += bytes;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new StorageCorruptError(`the rows of ${device} in Redis are not what was written: ${error.message}`, {
      cause: error,
    });
  }
  return blocks;
}

function unpackRow(
  view: DataView,
  start: number,
  rows: ScoreBatch,
  device: DeviceKey,
  forms: readonly RowForm[],
): number {
  const form = forms[view.getUint8(start)];
  if (form === undefined) throw new RangeError(`form ${view.getUint8(start)} of ${forms.length}`);
  const [profile, model, ...channels] = form;
  const timeMs = view.getFloat64(start + 6, true);
  const receivedMs = view.getFloat64(start + 14, true);
  const [kind, outcome] = [view.getUint8(start + 1), view.getUint8(start + 2)];
  const from = rows.add(kind, outcome, device, timeMs, receivedMs, profile, model, channels);
  const i = rows.length - 1;
  rows.phase.data[i] = view.getUint8(start + 3);
  rows.flags.data[i] = view.getUint8(start + 4);
  rows.score.data[i] = view.getFloat32(start + 22, true);
  rows.event.data[i] = view.getFloat32(start + 26, true);
  rows.threshold.data[i] = view.getFloat32(start + 30, true);
  rows.progress.data[i] = view.getFloat32(start + 34, true);
  let at = start + ROW_BYTES;
  for (let c = from; c < from + channels.length; c++, at += CHANNEL_BYTES) {
    rows.actual.data[c] = view.getFloat64(at, true);
    rows.expected.data[c] = view.getFloat32(at + 8, true);
    rows.lower.data[c] = view.getFloat32(at + 12, true);
    rows.upper.data[c] = view.getFloat32(at + 16, true);
    rows.contribution.data[c] = view.getFloat32(at + 20, true);
    rows.imputed.data[c] = view.getUint8(at + 24);
  }
  for (let r = view.getUint8(start + 5); r > 0; r--, at += REASON_BYTES) {
    const [code, channel] = [view.getUint8(at), view.getUint32(at + 1, true)];
    rows.addReason(code, channel, view.getFloat32(at + 5, true), view.getFloat32(at + 9, true));
  }
  return at;
}
