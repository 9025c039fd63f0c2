import assert from 'node:assert/strict';
import { PayloadTooLargeError, RequestInvalidError } from '../../../../models/errors.js';
import { decodeRemoteWrite } from '../../../../models/formats/index.js';
import {
  bytesField,
  doubleField,
  fixed64Field,
  messageField,
  stringField,
  varintField,
  type Field,
} from '../../../support/protobuf-encoder.js';

const T = 1_767_225_600_000;

const label = (name: string, value: string): Field => messageField(1, stringField(1, name), stringField(2, value));
const sample = (value: number, timeMs: number): Field => messageField(2, doubleField(1, value), varintField(2, timeMs));
const stale = (timeMs: number): Field =>
  messageField(2, fixed64Field(1, 0x7ff0_0000_0000_0002n), varintField(2, timeMs));
const series = (labels: Record<string, string>, ...others: readonly Field[]): Field =>
  messageField(1, ...Object.entries(labels).map(([name, value]) => label(name, value)), ...others);
const target = { job: 'node', instance: 'web-1:9100' };

describe('decodeRemoteWrite', () => {
  it('reads what Prometheus sends: a series a metric, all of one scrape', () => {
    const body = Buffer.concat([
      series({ __name__: 'node_load1', ...target }, sample(0.25, T), sample(0.5, T + 15_000)),
      series({ __name__: 'node_cpu_seconds_total', cpu: '0', ...target, mode: 'idle' }, sample(12.5, T)),
      series({ __name__: 'pump_temp', device: 'pump-7', instance: 'gw:1', job: 'pumps' }, sample(71.2, T)),
    ]);
    assert.deepEqual(decodeRemoteWrite(body), {
      readings: [
        {
          device: 'web-1:9100',
          timeMs: T,
          channels: ['node_load1', 'node_cpu_seconds_total[cpu:0][mode:idle]'],
          values: [0.25, 12.5],
        },
        { device: 'web-1:9100', timeMs: T + 15_000, channels: ['node_load1'], values: [0.5] },
        { device: 'pump-7', timeMs: T, channels: ['pump_temp[instance:gw:1]'], values: [71.2] },
      ],
      rejected: [],
      rejectedCount: 0,
      ignoredCount: 0,
    });
  });

  it('takes fields that are left out for zero, and labels that come last', () => {
    const body = messageField(1, messageField(2), label('instance', 'a'), label('__name__', 'up'));
    assert.deepEqual(decodeRemoteWrite(body).readings, [{ device: 'a', timeMs: 0, channels: ['up'], values: [0] }]);
  });

  it('ignores the marker of staleness, and rejects other NaN and infinities', () => {
    const body = series({ __name__: 'up', instance: 'a' }, stale(T), sample(NaN, T), sample(Infinity, T), sample(1, T));
    const { readings, rejected, ignoredCount } = decodeRemoteWrite(body);
    assert.equal(readings.length, 1);
    assert.equal(ignoredCount, 1);
    assert.deepEqual(rejected, [
      { index: 1, reason: '"up" must be a finite number, got NaN' },
      { index: 2, reason: '"up" must be a finite number, got Infinity' },
    ]);
  });

  it('rejects native histograms, counted with the samples', () => {
    const body = series({ __name__: 'latency', instance: 'a' }, sample(1, T), messageField(4, varintField(1, 3)));
    assert.deepEqual(decodeRemoteWrite(body).rejected, [
      { index: 1, reason: 'a native histogram is no number: latency is not taken' },
    ]);
  });

  it('passes over exemplars, metadata and what it does not know', () => {
    const metadata = messageField(3, varintField(1, 2), stringField(2, 'up'), stringField(4, 'help'));
    const exemplar = messageField(3, label('trace_id', 'x'), doubleField(2, 1));
    const body = Buffer.concat([
      metadata,
      series({ __name__: 'up', instance: 'a' }, exemplar, sample(1, T)),
      varintField(99, 1),
    ]);
    assert.deepEqual(decodeRemoteWrite(body).readings.length, 1);
    assert.deepEqual(decodeRemoteWrite(metadata).readings, []);
  });

  it('takes a negative time for one before 1970', () =>
    assert.match(
      decodeRemoteWrite(series({ __name__: 'up', instance: 'a' }, sample(1, -1))).rejected[0]!.reason,
      /^the time must lie in the years 1970 to 9999, got -1 ms$/,
    ));

  const noSeries: [string, Record<string, string>, RegExp][] = [
    ['no name', { instance: 'a' }, /^a series must have the label __name__/],
    ['no device', { __name__: 'up', job: 'x' }, /^no label names the device: device or instance was expected/],
    ['an empty device', { __name__: 'up', instance: '' }, /^no label names the device/],
    ['a device that is not allowed', { __name__: 'up', instance: 'a b' }, /^device must be .* got "a b"/],
    [
      'a label with a character that a channel may not have',
      { __name__: 'x', instance: 'a', le: '+Inf' },
      /got "x\[le:\+Inf\]"/,
    ],
    [
      '65 labels',
      Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`l${i}`, 'x'])),
      /at most 64 labels|__name__/,
    ],
  ];
  for (const [what, labels, reason] of noSeries) {
    it(`rejects each sample of a series with ${what}`, () => {
      const { rejected } = decodeRemoteWrite(series(labels, sample(1, T), sample(2, T + 1)));
      assert.deepEqual(
        rejected.map(({ index }) => index),
        [0, 1],
      );
      assert.match(rejected[0]!.reason, reason);
    });
  }

  it('rejects a label that is there twice', () =>
    assert.match(
      decodeRemoteWrite(messageField(1, label('__name__', 'up'), label('a', '1'), label('a', '2'), sample(1, T)))
        .rejected[0]!.reason,
      /^label "a" must be there once/,
    ));

  it('refuses remote-write 2.0 by name', () =>
    assert.throws(() => decodeRemoteWrite(stringField(4, '')), /^RequestInvalidError: the body is remote-write 2\.0/));

  const damaged: [string, Buffer][] = [
    ['a message longer than the body', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])],
    ['a message longer than the one around it', messageField(1, Buffer.from([0x0a, 0x05, 0x0a]))],
    ['a field that goes beyond its message', messageField(1, messageField(1, Buffer.from([0x0a, 0x02, 0x61])))],
    // What is left of the next field would be sound by itself.
    [
      'a field that reaches into the next',
      Buffer.concat([messageField(1, messageField(1, Buffer.from([0x0a, 3, 0x61]))), varintField(9, 1)]),
    ],
    ['a number that is cut off', messageField(1, messageField(2, Buffer.from([0x09, 1, 2, 3])))],
    ['a varint without end', Buffer.alloc(20, 0xff)],
    ['a group', Buffer.from([0x0b, 0x0c])],
    ['a field of number 0', Buffer.from([0x02, 0x00])],
    ['text that is not UTF-8', messageField(1, messageField(1, bytesField(1, Buffer.from([0xff]))))],
    ['JSON', Buffer.from('{"readings":[]}')],
  ];
  for (const [what, body] of damaged) {
    it(`refuses ${what}`, () => assert.throws(() => decodeRemoteWrite(body), RequestInvalidError));
  }

  it('refuses nesting that is only there to be deep, without going into it', () => {
    let body: Field = Buffer.alloc(0);
    for (let depth = 0; depth < 2_000; depth++) body = messageField(9, body);
    assert.deepEqual(decodeRemoteWrite(body).readings, []);
    assert.throws(() => decodeRemoteWrite(Buffer.alloc(100_000, 0x0b)), RequestInvalidError);
  });

  it('refuses more samples, or empty messages, than a request may have', () => {
    const limits = { maxReadings: 10, maxPoints: 2 };
    const body = series({ __name__: 'up', instance: 'a' }, sample(1, 1), sample(1, 2), sample(1, 3));
    assert.throws(() => decodeRemoteWrite(body, { limits }), PayloadTooLargeError);
    const empty = Buffer.alloc(8_000_004, Buffer.from([0x0a, 0x00]));
    assert.throws(() => decodeRemoteWrite(empty), PayloadTooLargeError);
  });
});
