import assert from 'node:assert/strict';
import { RequestInvalidError } from '../../../../models/errors.js';
import { decodeTelemetry, parseTelemetryTopic } from '../../../../models/formats/index.js';

const ARRIVED_MS = Date.UTC(2026, 0, 1);
const decode = (payload: unknown) =>
  decodeTelemetry('pump', new TextEncoder().encode(JSON.stringify(payload)), ARRIVED_MS);

describe('telemetry over MQTT', () => {
  it('names tenant and device by its topic', () => {
    assert.deepEqual(parseTelemetryTopic('iot/acme/pump.7/telemetry'), { tenant: 'acme', device: 'pump.7' });
    for (const topic of [
      'iot/acme/telemetry',
      'iot/Acme/p/telemetry',
      'iot/acme/p q/telemetry',
      'iot/acme//telemetry',
    ]) {
      assert.throws(() => parseTelemetryTopic(topic), RequestInvalidError, topic);
    }
  });

  it('takes values alone, with a time, and lists of both', () => {
    const wrapped = { ts: 5_000, values: { temp: 2, vib: null } };
    const { readings, rejectedCount } = decode([
      { temp: 1 },
      wrapped,
      { values: { temp: 3 }, ts: '1970-01-01T00:00:09Z' },
    ]);
    assert.equal(rejectedCount, 0);
    assert.deepEqual(
      readings.map(({ device, timeMs, channels, values }) => [device, timeMs, channels, values]),
      [
        ['pump', ARRIVED_MS, ['temp'], [1]],
        ['pump', 5_000, ['temp'], [2]],
        ['pump', 9_000, ['temp'], [3]],
      ],
    );
  });

  it('refuses another device than that of the topic, and what is no number', () => {
    const { readings, rejected } = decode([
      { device: 'fan', values: { temp: 1 } },
      { temp: 'hot' },
      7,
      { ts: 'x', values: {} },
    ]);
    assert.equal(readings.length, 0);
    assert.deepEqual(
      rejected.map(({ index }) => index),
      [0, 1, 2, 3],
    );
    assert.match(rejected[0]!.reason, /device must be that of the topic/);
  });

  it('refuses what is not JSON in UTF-8', () => {
    for (const payload of [new Uint8Array([0xff]), new TextEncoder().encode('{"temp":')]) {
      assert.throws(() => decodeTelemetry('pump', payload, ARRIVED_MS), RequestInvalidError);
    }
  });
});
