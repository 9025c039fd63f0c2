import assert from 'node:assert/strict';
import { ReadingBatch } from '../../../../models/domain/reading-batch.js';
import { RequestInvalidError, StorageCorruptError } from '../../../../models/errors.js';
import { decodeReadings } from '../../../../services/ingest/decode-readings.js';

const batchOf = (add: (batch: ReadingBatch) => void): Uint8Array => {
  const batch = ReadingBatch.create();
  add(batch);
  return batch.encode();
};

describe('readings over the bus', () => {
  it('arrive as they were sent', () => {
    const batch = decodeReadings(batchOf((one) => one.addReading('pump-7', 1_000.5, ['temp', 'vib'], [71.2, NaN])));
    assert.deepEqual(
      [batch.deviceKey(0), batch.timeMs.data[0], batch.channels(0)],
      ['pump-7', 1_000.5, ['temp', 'vib']],
    );
    assert.deepEqual([...batch.values.view()], [71.2, NaN]);
  });

  for (const [what, add] of [
    ['a device with a space', (one) => one.addReading('pump 7', 1, ['temp'], [1])],
    ['a device in front of another', (one) => one.addReading('a\nb', 1, ['temp'], [1])],
    ['a channel that an object reserves', (one) => one.addReading('pump-7', 1, ['__proto__'], [1])],
    ['a channel twice', (one) => one.addReading('pump-7', 1, ['temp', 'temp'], [1, 2])],
    ['no channel', (one) => one.addReading('pump-7', 1, [], [])],
    ['a time before 1970', (one) => one.addReading('pump-7', -1, ['temp'], [1])],
    ['no time', (one) => one.addReading('pump-7', NaN, ['temp'], [1])],
    ['an infinite value', (one) => one.addReading('pump-7', 1, ['temp'], [Infinity])],
    [
      'a value too many',
      (one) => {
        one.addReading('pump-7', 1, ['temp'], [1]);
        one.values.push(2);
      },
    ],
    [
      'a device that is not listed',
      (one) => {
        one.addReading('pump-7', 1, ['temp'], [1]);
        one.device.data[0] = 1;
      },
    ],
    ['a command', (one) => one.addCommand('pump-7', 1, { type: 'alert.resolve', alertId: 'x', by: 'me' })],
  ] satisfies [string, (batch: ReadingBatch) => void][]) {
    it(`are refused with ${what}`, () => {
      assert.throws(() => decodeReadings(batchOf(add)), RequestInvalidError);
    });
  }

  it('are refused when a byte is not what was sent', () => {
    const bytes = batchOf((one) => one.addReading('pump-7', 1, ['temp'], [1]));
    bytes[60]! ^= 1;
    assert.throws(() => decodeReadings(bytes), StorageCorruptError);
  });
});
