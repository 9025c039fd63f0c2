import assert from 'node:assert/strict';
import { PayloadTooLargeError, RequestInvalidError } from '../../../../models/errors.js';
import { decodeOtlpJson, decodeOtlpProtobuf, encodeOtlpAnswer, otlpAnswer } from '../../../../models/formats/index.js';
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
const NANOS = 1_767_225_600_000_123_456n;
const TIME = fixed64Field(3, NANOS);

const attribute = (field: number, key: string, ...value: readonly Field[]): Field =>
  messageField(field, stringField(1, key), messageField(2, ...value));
const resource = (...attributes: readonly Field[]): Field => messageField(1, ...attributes);
const metric = (name: string, ...data: readonly Field[]): Field => messageField(2, stringField(1, name), ...data);
const gauge = (...points: readonly Field[]): Field => messageField(5, ...points.map((point) => messageField(1, point)));
const request = (attributes: Field, ...metrics: readonly Field[]): Field =>
  messageField(1, attributes, messageField(2, messageField(1, stringField(1, 'a.library')), ...metrics));
const host = resource(
  attribute(1, 'host.name', stringField(1, 'web-1')),
  attribute(1, 'process.command_args', messageField(5)),
);
const double = (value: number): Field => Buffer.concat([TIME, doubleField(4, value)]);

const jsonRequest = (metrics: readonly unknown[], device = 'web-1'): unknown => ({
  resourceMetrics: [
    {
      resource: { attributes: [{ key: 'host.name', value: { stringValue: device } }] },
      scopeMetrics: [{ scope: { name: 'a.library' }, metrics }],
    },
  ],
});
const jsonGauge = (...dataPoints: readonly unknown[]): unknown => jsonRequest([{ name: 'g', gauge: { dataPoints } }]);
const timeUnixNano = String(NANOS);

describe('OTLP metrics', () => {
  const same = {
    readings: [
      {
        device: 'web-1',
        timeMs: T + 0.123,
        channels: [
          'system.cpu.utilization[cpu:0][idle:true]',
          'requests',
          'latency_count',
          'latency_sum',
          'size_count',
          'gc_count',
          'gc_sum',
        ],
        values: [0.25, -5, 3, 4.5, 7, 2, 0],
      },
    ],
    rejected: [],
    rejectedCount: 0,
    ignoredCount: 1,
  };

  it('are read from protobuf', () => {
    const body = request(
      host,
      metric(
        'system.cpu.utilization',
        gauge(
          Buffer.concat([
            attribute(7, 'cpu', varintField(3, 0)),
            attribute(7, 'idle', varintField(2, 1)),
            messageField(5, doubleField(3, 9)),
            double(0.25),
          ]),
        ),
      ),
      metric(
        'requests',
        messageField(7, varintField(2, 2), messageField(1, TIME, fixed64Field(6, -5n)), varintField(3, 1)),
      ),
      metric(
        'latency',
        messageField(
          9,
          messageField(1, TIME, fixed64Field(4, 3n), doubleField(5, 4.5), bytesField(6, Buffer.alloc(16))),
        ),
      ),
      metric('size', messageField(10, messageField(1, TIME, fixed64Field(4, 7n), messageField(8, varintField(1, 4))))),
      metric('gc', messageField(11, messageField(1, TIME, fixed64Field(4, 2n)))),
      metric('gone', gauge(Buffer.concat([TIME, varintField(8, 1)]))),
    );
    assert.deepEqual(decodeOtlpProtobuf(body), same);
  });

  it('are read from JSON, to the same readings', () => {
    const number = { timeUnixNano, startTimeUnixNano: '0' };
    const document = jsonRequest([
      {
        name: 'system.cpu.utilization',
        unit: '1',
        gauge: {
          dataPoints: [
            {
              ...number,
              asDouble: 0.25,
              exemplars: [{ asDouble: 9 }],
              attributes: [
                { key: 'cpu', value: { intValue: '0' } },
                { key: 'idle', value: { boolValue: true } },
              ],
            },
          ],
        },
      },
      {
        name: 'requests',
        sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ ...number, asInt: '-5' }] },
      },
      { name: 'latency', histogram: { dataPoints: [{ ...number, count: '3', sum: 4.5, bucketCounts: ['1', '2'] }] } },
      { name: 'size', exponentialHistogram: { dataPoints: [{ ...number, count: 7, scale: 2 }] } },
      { name: 'gc', summary: { dataPoints: [{ ...number, count: '2', quantileValues: [] }] } },
      { name: 'gone', gauge: { dataPoints: [{ ...number, flags: 1 }] } },
    ]);
    assert.deepEqual(decodeOtlpJson(document), same);
  });

  it('are read from the example of the specification', () => {
    // opentelemetry-proto, examples/metrics.json: its 64-bit integers are numbers.
    const point = (key: string) => ({
      timeUnixNano: 1544712660300000000,
      attributes: [{ key, value: { stringValue: 'some value' } }],
    });
    const document = {
      resourceMetrics: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'my.service' } }] },
          scopeMetrics: [
            {
              scope: { name: 'my.library', version: '1.0.0' },
              metrics: [
                {
                  name: 'my.counter',
                  sum: { isMonotonic: true, dataPoints: [{ ...point('my.counter.attr'), asDouble: 5 }] },
                },
                { name: 'my.gauge', gauge: { dataPoints: [{ ...point('my.gauge.attr'), asDouble: 10 }] } },
                {
                  name: 'my.histogram',
                  histogram: { dataPoints: [{ ...point('my.histogram.attr'), count: 3, sum: 3 }] },
                },
              ],
            },
          ],
        },
      ],
    };
    assert.deepEqual(decodeOtlpJson(document).readings, [
      {
        device: 'my.service',
        timeMs: 1_544_712_660_300,
        channels: [
          'my.counter[my.counter.attr:some value]',
          'my.gauge[my.gauge.attr:some value]',
          'my.histogram_count[my.histogram.attr:some value]',
          'my.histogram_sum[my.histogram.attr:some value]',
        ],
        values: [5, 10, 3, 3],
      },
    ]);
  });

  it('need not have the resource or the name first', () => {
    const body = messageField(1, messageField(2, messageField(2, gauge(double(1)), stringField(1, 'g'))), host);
    assert.deepEqual(decodeOtlpProtobuf(body).readings[0]?.channels, ['g']);
  });

  it('belong to the device that the data point names, before that of the resource', () => {
    const point = Buffer.concat([attribute(7, 'device.id', stringField(1, 'pump-7')), double(1)]);
    const { readings } = decodeOtlpProtobuf(request(host, metric('g', gauge(point, double(2)))));
    assert.deepEqual(
      readings.map(({ device, channels }) => [device, ...channels]),
      [
        ['pump-7', 'g'],
        ['web-1', 'g'],
      ],
    );
  });

  it('do not lend the resource of one to the next', () =>
    assert.match(
      decodeOtlpProtobuf(
        Buffer.concat([
          request(host, metric('g', gauge(double(1)))),
          request(resource(), metric('g', gauge(double(1)))),
        ]),
      ).rejected[0]!.reason,
      /^no label names the device: device\.id or host\.name or service\.instance\.id or service\.name was expected$/,
    ));

  const refused: [string, Field, RegExp][] = [
    ['no time', doubleField(4, 1), /^a data point must have timeUnixNano/],
    ['no value', TIME, /^a data point must have asDouble or asInt/],
    ['NaN', double(NaN), /^"g" must be a finite number, got NaN/],
    [
      'a list for an attribute',
      Buffer.concat([attribute(7, 'tags', messageField(5)), double(1)]),
      /^attribute "tags" must be text/,
    ],
  ];
  for (const [what, point, reason] of refused) {
    it(`rejects a data point with ${what}, and takes the next`, () => {
      const { readings, rejected } = decodeOtlpProtobuf(request(host, metric('g', gauge(point, double(1)))));
      assert.deepEqual(
        rejected.map(({ index }) => index),
        [0],
      );
      assert.match(rejected[0]!.reason, reason);
      assert.equal(readings.length, 1);
    });
  }

  const refusedJson: [unknown, RegExp][] = [
    [{ timeUnixNano, asDouble: 'NaN' }, /^"g" must be a finite number, got NaN/],
    [{ timeUnixNano, asDouble: '-Infinity' }, /got -Infinity/],
    [{ timeUnixNano, asDouble: 'warm' }, /^asDouble must be a number, got "warm"/],
    [{ timeUnixNano, asDouble: `${'9'.repeat(1_000_000)}x` }, /^asDouble must be a number/],
    [{ timeUnixNano, asInt: true }, /^asInt must be a number, got true/],
    [{ timeUnixNano: '2026-01-01', asInt: '1' }, /^timeUnixNano must be a whole number of ns, got "2026-01-01"/],
    [{ timeUnixNano: {}, asInt: '1' }, /^timeUnixNano must be a whole number/],
    [{ asInt: '1' }, /^a data point must have timeUnixNano/],
    [{ timeUnixNano, asInt: '1', attributes: [{ value: { stringValue: 'x' } }] }, /^a label must have a name/],
    [
      { timeUnixNano, asInt: '1', attributes: [{ key: 'k', value: { arrayValue: {} } }] },
      /^attribute "k" must be text/,
    ],
  ];
  for (const [point, reason] of refusedJson) {
    it(`rejects ${JSON.stringify(point).slice(0, 80)}`, () => {
      const { rejected, readings } = decodeOtlpJson(jsonGauge(point, { timeUnixNano, asInt: '1' }));
      assert.match(rejected[0]!.reason, reason);
      assert.equal(readings.length, 1);
    });
  }

  it('count each data point of a histogram once', () => {
    const { rejectedCount } = decodeOtlpJson(
      jsonRequest([
        {
          name: 'h',
          histogram: {
            dataPoints: [
              { timeUnixNano, count: 'x' },
              { timeUnixNano, sum: 'x' },
            ],
          },
        },
      ]),
    );
    assert.equal(rejectedCount, 2);
  });

  const notRequests: [unknown, RegExp][] = [
    [null, /^RequestInvalidError: the body must be an object, got null/],
    [[], /got a list of 0/],
    [{ resourceMetrics: {} }, /resourceMetrics of .* must be a list, got an object/],
    [{ resourceMetrics: [7] }, /resourceMetrics of .* must be an object, got 7/],
    [{ resourceMetrics: [{ scopeMetrics: [{ metrics: 'x' }] }] }, /metrics of .* must be a list/],
    [jsonRequest([{ name: 'g', gauge: { dataPoints: [1] } }]), /dataPoints of .* must be an object/],
  ];
  for (const [document, reason] of notRequests) {
    it(`refuse ${JSON.stringify(document).slice(0, 60)}`, () => assert.throws(() => decodeOtlpJson(document), reason));
  }

  it('take an empty request, and null for nothing', () => {
    assert.deepEqual(decodeOtlpJson({}).readings, []);
    assert.deepEqual(decodeOtlpJson({ resourceMetrics: [{ resource: null, scopeMetrics: null }] }).readings, []);
    assert.deepEqual(decodeOtlpProtobuf(Buffer.alloc(0)).readings, []);
  });

  it('refuse damaged protobuf, and more data points than a request may have', () => {
    assert.throws(
      () => decodeOtlpProtobuf(request(host, metric('g', gauge(double(1)))).subarray(0, -1)),
      RequestInvalidError,
    );
    const body = request(host, metric('g', gauge(...[1, 2, 3].map(double))));
    assert.throws(() => decodeOtlpProtobuf(body, { limits: { maxReadings: 9, maxPoints: 2 } }), PayloadTooLargeError);
  });
});

describe('otlpAnswer', () => {
  it('is empty for a full success, in both encodings', () => {
    const answer = otlpAnswer({ rejectedCount: 0, rejected: [] });
    assert.deepEqual(answer, {});
    assert.equal(encodeOtlpAnswer(answer).length, 0);
  });

  it('says how many data points were rejected, and why the first one was', () => {
    const answer = otlpAnswer({ rejectedCount: 300, rejected: [{ index: 4, reason: 'no' }] });
    assert.deepEqual(answer, { partialSuccess: { rejectedDataPoints: '300', errorMessage: 'data point 4: no' } });
    assert.deepEqual(
      Buffer.from(encodeOtlpAnswer(answer)),
      messageField(1, varintField(1, 300), stringField(2, 'data point 4: no')),
    );
  });
});
