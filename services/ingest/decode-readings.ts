import { isChannelName, isDeviceId } from '../../models/domain/identity.js';
import { ReadingBatch, ReadingKind } from '../../models/domain/reading-batch.js';
import { MAX_READING_CHANNELS } from '../../models/domain/reading-parser.js';
import { RequestInvalidError } from '../../models/errors.js';

/** Unix ms of the year 10000, as far as a timestamp goes. */
const END_OF_TIME_MS = 253_402_300_800_000;

/**
 * A batch of readings that came over the bus. The gateway has checked each reading; here its names and times are checked once
 * more, each name once, since they end up in the log.
 *
 * @throws RequestInvalidError @throws StorageCorruptError when `bytes` is not a batch.
 */
export function decodeReadings(bytes: Uint8Array): ReadingBatch {
  const batch = ReadingBatch.decode(bytes);
  const { devices, channelSets, kind, device, timeMs, ref, values } = batch;
  const isNamed =
    devices.list.every(isDeviceId) &&
    channelSets.sets.every(
      (set) =>
        set.length >= 1 &&
        set.length <= MAX_READING_CHANNELS &&
        new Set(set).size === set.length &&
        set.every(isChannelName),
    );
  if (!isNamed) throw new RequestInvalidError('the batch holds a device or channel whose name is not allowed');
  let valueCount = 0;
  for (let i = 0; i < batch.length; i++) {
    const time = timeMs.data[i]!;
    const isSound =
      kind.data[i] === ReadingKind.reading &&
      device.data[i]! < devices.list.length &&
      ref.data[i]! < channelSets.sets.length &&
      time >= 0 &&
      time < END_OF_TIME_MS;
    if (!isSound) throw new RequestInvalidError(`record ${i} of the batch is not a reading`);
    valueCount += batch.channels(i).length;
  }
  if (valueCount !== values.length) {
    throw new RequestInvalidError(`the batch must hold ${valueCount} values, got ${values.length}`);
  }
  for (let v = 0; v < valueCount; v++) {
    const value = values.data[v]!;
    if (value === Infinity || value === -Infinity) throw new RequestInvalidError(`value ${v} of the batch is infinite`);
  }
  return batch;
}
