import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { compressSync } from 'snappy';
import { JoinedReadings } from '../../../../models/formats/joined-readings.js';
import { DEFAULT_LABEL_NAMES, nameOf } from '../../../../models/formats/label-names.js';
import { readLineProtocol } from '../../../../models/formats/line-protocol.js';
import {
  checkOtlpMetrics,
  decodeOtlpMetrics,
  encodeOtlpAnswer,
  readOtlpMetrics,
} from '../../../../models/formats/otlp-metrics.js';
import { readRemoteWrite, unsnappy } from '../../../../models/formats/remote-write.js';
import { Bytes } from './protobuf-bytes.js';

const names = DEFAULT_LABEL_NAMES;
const NOW_MS = 1_000;

function lines(text: string, precision = 'ns') {
  const joined = new JoinedReadings();
  readLineProtocol(text, { precision, nowMs: NOW_MS, names }, joined);
  return {
    readings: joined.readings.map(({ device, timeMs, channels, values }) => [
      device,
      timeMs,
      channels.join('|'),
      values.join('|'),
    ]),
    reasons: joined.rejected.map(({ reason }) => reason),
  };
}

describe('line protocol', () => {
  it('is read as it is documented', () => {
    const text = [
      'weather,location=us-midwest,device=w1 temperature=82 1465839830100400200',
      '# a comment',
      '',
      'weather,device=w1 temperature=82,humidity=71i 1465839830100400200',
      'pump,device=p-7 value=1.5e3,on=true,name="a b, c=\\"d\\"" 1465839830100400200\r',
      'pump,device=p-8 value=-3u',
    ].join('\n');
    assert.deepEqual(lines(text), {
      readings: [
        [
          'w1',
          1465839830100.4,
          'weather.temperature[location:us-midwest]|weather.temperature|weather.humidity',
          '82|82|71',
        ],
        ['p-7', 1465839830100.4, 'pump|pump.on', '1500|1'],
        ['p-8', NOW_MS, 'pump', '-3'],
      ],
      reasons: [],
    });
  });

  for (const [precision, time] of [
    ['ns', '1767225600000000000'],
    ['us', '1767225600000000'],
    ['ms', '1767225600000'],
    ['s', '1767225600'],
    ['m', '29453760'],
    ['h', '490896'],
  ] as const) {
    it(`takes times in ${precision}`, () => {
      assert.equal(lines(`a,device=d v=1 ${time}`, precision).readings[0]![1], 1_767_225_600_000);
    });
  }

  it('takes escapes in names, and line ends in text', () => {
    const text = 'my\\ pump,device=d,a\\,b=c\\=d f\\ 1=2,note="one\ntwo" 1000000\nnext,device=d v=3 1000000';
    assert.deepEqual(lines(text).reasons, [
      'line 1: "my pump.f 1[a,b:c=d]" must be 1 to 64 letters, digits or _ - . : @ / space % [ ] ( ) ° µ ² ³ as a channel: leave labels out by `ignored_labels`',
    ]);
    assert.deepEqual(lines(text).readings, [['d', 1, 'next.v', '3']]);
  });

  for (const [line, reason] of [
    ['pump', /fields are missing/],
    [',device=d v=1', /measurement is missing/],
    ['pump,device v=1', /a tag must be name=value/],
    ['pump,device= v=1', /"device" must have a value/],
    ['pump,device=d v', /a field must be name=value/],
    ['pump,device=d v=', /"v" must be a number/],
    ['pump,device=d v=1x', /"v" must be a number/],
    ['pump,device=d v=NaN', /"v" must be a number/],
    ['pump,device=d v="open', /"v" must be a number, a boolean or text in quotes/],
    ['pump,device=d v=1 noon', /whole number of ns, got "noon"/],
    ['pump,device=d v=1 -1000000', /years 1970 to 9999/],
    ['pump,device=d v=1 1 2', /must end after its time/],
    ['pump,device=d v="text"', /text fields alone/],
    ['pump v=1', /none of the labels device, device_id/],
    ['pump,device=a\\ b v=1', /device must be 1 to 128 letters/],
    ['pump,device=d v=1e999', /must be a finite number, got Infinity/],
  ] as const) {
    it(`refuses ${JSON.stringify(line)} and takes the next line`, () => {
      const { readings, reasons } = lines(`${line}\npump,device=ok v=2 5000000`);
      assert.equal(reasons.length, 1, JSON.stringify(readings));
      assert.match(reasons[0]!, reason);
      if (!line.includes('"open')) assert.deepEqual(readings, [['ok', 5, 'pump.v', '2']]);
    });
  }
});

describe('labels', () => {
  it('name the device by the first that is there, and tell channels apart by the rest in their order', () => {
    const labels = new Map([
      ['instance', '10.0.0.1:9100'],
      ['mode', 'user'],
      ['cpu', '0'],
      ['job', 'node'],
    ]);
    assert.deepEqual(nameOf('cpu_seconds', labels, names), {
      device: '10.0.0.1:9100',
      channel: 'cpu_seconds[cpu:0 mode:user]',
    });
    assert.deepEqual(
      nameOf('cpu', new Map([...labels, ['device', 'd']]), { device: ['device'], ignored: ['cpu', 'job'] }),
      {
        device: 'd',
        channel: 'cpu[instance:10.0.0.1:9100 mode:user]',
      },
    );
  });
});

describe('remote write', () => {
  const label = (name: string, value: string) => new Bytes().text(1, name).text(2, value);
  const sample = (value: number, timeMs: number) => new Bytes().double(1, value).varint(2, timeMs);
  const series = (labels: Record<string, string>, ...samples: Bytes[]) => {
    const bytes = new Bytes();
    for (const [name, value] of Object.entries(labels)) bytes.message(1, label(name, value));
    for (const one of samples) bytes.message(2, one);
    return bytes;
  };
  const read = (...all: Bytes[]) => {
    const request = new Bytes();
    for (const one of all) request.message(1, one);
    const joined = new JoinedReadings();
    readRemoteWrite(unsnappy(compressSync(Buffer.from(request.bytes)), 1_000_000), names, joined);
    return joined;
  };

  it('joins the series of an instance at one time', () => {
    const node = { instance: 'n1:9100', job: 'node' };
    const { readings, rejected } = read(
      series({ __name__: 'up', ...node }, sample(1, 5_000)),
      series({ __name__: 'load1', ...node }, sample(0.5, 5_000), sample(0.6, 6_000)),
    );
    assert.deepEqual(
      readings.map(({ device, timeMs, channels, values }) => [device, timeMs, channels, values]),
      [
        ['n1:9100', 5_000, ['up', 'load1'], [1, 0.5]],
        ['n1:9100', 6_000, ['load1'], [0.6]],
      ],
    );
    assert.deepEqual(rejected, []);
  });

  it('passes over the marker of a series that has ended, and refuses what is no number', () => {
    const stale = new DataView(new ArrayBuffer(8));
    stale.setBigUint64(0, 0x7ff0000000000002n);
    const up = { __name__: 'up', instance: 'n1' };
    const marker = new Bytes().fixed64(1, new Uint8Array(stale.buffer).reverse()).varint(2, 7_000);
    const { readings, rejected } = read(series(up, marker, sample(NaN, 8_000), sample(Infinity, 9_000)));
    assert.deepEqual(readings, []);
    assert.deepEqual(
      rejected.map(({ index }) => index),
      [1, 2],
    );
  });

  it('refuses a body that is too large before it is inflated, and one that is none', () => {
    const bomb = compressSync(Buffer.alloc(2_000_000));
    assert.throws(() => unsnappy(bomb, 1_000_000), { type: 'PAYLOAD_TOO_LARGE' });
    for (const bytes of [gzipSync('a'), Buffer.from([5, 0xfc, 0xff, 0xff, 0xff, 0xff]), Buffer.alloc(0)]) {
      assert.throws(() => unsnappy(bytes, 1_000_000), { type: 'REQUEST_INVALID' });
    }
    assert.throws(() => readRemoteWrite(Uint8Array.of(0x0a, 0xff), names, new JoinedReadings()), {
      type: 'REQUEST_INVALID',
    });
  });
});

describe('OTLP metrics', () => {
  const TIME = '1767225600000000000';
  const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const document = {
    resourceMetrics: [
      {
        resource: { attributes: [attribute('host.name', 'gate-1'), attribute('service.name', 'turnstile')] },
        scopeMetrics: [
          {
            metrics: [
              { name: 'temp', gauge: { dataPoints: [{ timeUnixNano: TIME, asDouble: 21.5 }] } },
              {
                name: 'passes',
                sum: { dataPoints: [{ timeUnixNano: TIME, asInt: '42', attributes: [attribute('way', 'in')] }] },
              },
              { name: 'wait', histogram: { dataPoints: [{ timeUnixNano: TIME, count: '3', sum: 1.5 }] } },
              { name: 'off', gauge: { dataPoints: [{ timeUnixNano: TIME, flags: 1 }] } },
              { name: '', gauge: { dataPoints: [{ timeUnixNano: TIME, asDouble: 1 }] } },
            ],
          },
        ],
      },
    ],
  };
  const summary = (joined: JoinedReadings) => [
    joined.readings.map(({ device, timeMs, channels, values }) => [device, timeMs, channels, values]),
    joined.rejected.map(({ reason }) => reason),
  ];
  const expected = [
    [['gate-1', 1_767_225_600_000, ['temp', 'passes[way:in]', 'wait_count', 'wait_sum'], [21.5, 42, 3, 1.5]]],
    ['a metric must have a name'],
  ];

  it('are read from JSON', () => {
    const joined = new JoinedReadings();
    readOtlpMetrics(checkOtlpMetrics(document), names, joined);
    assert.deepEqual(summary(joined), expected);
    assert.throws(() => checkOtlpMetrics({ resourceMetrics: [{ scopeMetrics: 1 }] }), /resourceMetrics.0.scopeMetrics/);
  });

  it('are read from protobuf', () => {
    const text = (key: string, value: string) => new Bytes().text(1, key).message(2, new Bytes().text(1, value));
    const time = BigInt(TIME);
    const point = (fill: (bytes: Bytes) => Bytes) => fill(new Bytes().fixed(3, time));
    const metric = (name: string, id: number, data: Bytes) =>
      new Bytes().text(1, name).message(id, new Bytes().message(1, data));
    const metrics = new Bytes()
      .message(
        2,
        metric(
          'temp',
          5,
          point((bytes) => bytes.double(4, 21.5)),
        ),
      )
      .message(
        2,
        metric(
          'passes',
          7,
          point((bytes) => bytes.fixed(6, 42n).message(7, text('way', 'in'))),
        ),
      )
      .message(
        2,
        metric(
          'wait',
          9,
          point((bytes) => bytes.fixed(4, 3n).double(5, 1.5)),
        ),
      )
      .message(
        2,
        metric(
          'off',
          5,
          point((bytes) => bytes.varint(8, 1)),
        ),
      )
      .message(
        2,
        metric(
          '',
          5,
          point((bytes) => bytes.double(4, 1)),
        ),
      );
    const resource = new Bytes().message(1, text('host.name', 'gate-1')).message(1, text('service.name', 'turnstile'));
    const request = new Bytes().message(1, new Bytes().message(1, resource).message(2, metrics));
    const joined = new JoinedReadings();
    readOtlpMetrics(decodeOtlpMetrics(request.bytes), names, joined);
    assert.deepEqual(summary(joined), expected);
    assert.throws(() => decodeOtlpMetrics(Uint8Array.of(0x0a, 0x7f)), { type: 'REQUEST_INVALID' });
  });

  it('are answered with what was refused', () => {
    assert.deepEqual([...encodeOtlpAnswer(0, '')], []);
    assert.deepEqual([...encodeOtlpAnswer(2, 'no')], [10, 6, 8, 2, 18, 2, 0x6e, 0x6f]);
  });
});
