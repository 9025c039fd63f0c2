import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compress } from 'snappyjs';
import { isChannelName, isDeviceId } from '../../models/domain/identity.js';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import { END_TIME_MS } from '../../models/domain/timestamp.js';
import { PayloadTooLargeError, RequestInvalidError } from '../../models/errors.js';
import {
  AliasTable,
  decodeCsv,
  decodeLineProtocol,
  decodeOtlpJson,
  decodeOtlpProtobuf,
  decodeRemoteWrite,
  decodeSparkplug,
  inflateSnappy,
  parseSparkplugTopic,
  type DecodedReadings,
} from '../../models/formats/index.js';
import { unixMsFromNanos, unixMsFromText } from '../../models/formats/unix-time.js';
import { doubleField, fixed64Field, messageField, stringField, varintField } from '../support/protobuf-encoder.js';

/** One value as every format can carry it: `device` and `channel` with what each has to escape. */
interface Point {
  readonly device: string;
  readonly timeMs: number;
  readonly channel: string;
  readonly value: number;
}

const characters = (set: string) => fc.constantFrom(...Array.from(set));
const device = fc.string({ unit: characters('abX09_-.:@'), minLength: 1, maxLength: 5 });
const channel = fc.string({ unit: characters('abX09 %[]°µ'), minLength: 1, maxLength: 5 });
/** As far as ns in 63 bits go, the year 2262. */
const timeMs = fc.oneof(fc.integer({ min: 1, max: 9_223_372_036_854 }), fc.integer({ min: 1, max: 3 }));
const value = fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0);
/** None twice at one place: which of two values holds is not what this is about. */
const points = fc.uniqueArray(fc.record({ device, timeMs, channel, value }), {
  maxLength: 30,
  selector: (point: Point) => `${point.device}\n${point.timeMs}\n${point.channel}`,
});

/** What any decoder has to make of these points: joined by device and time, in the order of first appearance. */
function joined(given: readonly Point[]): readonly unknown[] {
  const readings = new Map<string, { device: string; timeMs: number; channels: string[]; values: number[] }>();
  for (const point of given) {
    const key = `${point.device}\n${point.timeMs}`;
    const reading = readings.get(key) ?? { device: point.device, timeMs: point.timeMs, channels: [], values: [] };
    reading.channels.push(point.channel);
    reading.values.push(point.value);
    readings.set(key, reading);
  }
  return [...readings.values()];
}

const NANOS_A_MS = 1_000_000n;
const DATA = parseSparkplugTopic('spBv1.0/g/DDATA/n/d');
const escaped = (text: string): string => text.replace(/[\\,= ]/g, '\\$&');

const lineProtocolOf = (given: readonly Point[]): Buffer =>
  Buffer.from(
    given
      .map((p) => `m,device=${escaped(p.device)} ${escaped(p.channel)}=${p.value} ${BigInt(p.timeMs) * NANOS_A_MS}\n`)
      .join(''),
  );
const remoteWriteOf = (given: readonly Point[]): Buffer =>
  Buffer.concat(
    given.map((p) =>
      messageField(
        1,
        messageField(1, stringField(1, '__name__'), stringField(2, p.channel)),
        messageField(1, stringField(1, 'device'), stringField(2, p.device)),
        messageField(2, doubleField(1, p.value), varintField(2, p.timeMs)),
      ),
    ),
  );
const otlpProtobufOf = (given: readonly Point[]): Buffer =>
  messageField(
    1,
    messageField(
      2,
      ...given.map((p) =>
        messageField(
          2,
          stringField(1, p.channel),
          messageField(
            5,
            messageField(
              1,
              messageField(7, stringField(1, 'device.id'), messageField(2, stringField(1, p.device))),
              fixed64Field(3, BigInt(p.timeMs) * NANOS_A_MS),
              doubleField(4, p.value),
            ),
          ),
        ),
      ),
    ),
  );
const otlpJsonOf = (given: readonly Point[]): Buffer =>
  Buffer.from(
    JSON.stringify({
      resourceMetrics: given.map((p) => ({
        resource: { attributes: [{ key: 'device.id', value: { stringValue: p.device } }] },
        scopeMetrics: [
          {
            metrics: [
              {
                name: p.channel,
                gauge: { dataPoints: [{ timeUnixNano: String(BigInt(p.timeMs) * NANOS_A_MS), asDouble: p.value }] },
              },
            ],
          },
        ],
      })),
    }),
  );
const sparkplugOf = (given: readonly Point[]): Buffer =>
  Buffer.concat(
    given.map((p) =>
      messageField(
        2,
        stringField(1, p.channel),
        varintField(3, p.timeMs),
        varintField(4, 10),
        doubleField(13, p.value),
      ),
    ),
  );

const csvOf = (given: readonly Point[]): Buffer =>
  // A first row that is ignored, since a file without rows is none.
  Buffer.from(
    [
      'ts,device,channel,value',
      '0,a,a,',
      ...given.map((p) => `${unixOf(p.timeMs)},${p.device},${p.channel},${p.value}`),
    ].join('\n'),
  );
/** The unit is told apart by the size of the number, so RFC 3339. */
const unixOf = (ms: number): string => new Date(ms).toISOString();

interface Format {
  readonly name: string;
  readonly encode: (given: readonly Point[]) => Buffer;
  readonly decode: (body: Buffer) => DecodedReadings;
  /** Where the format cannot carry every point. */
  readonly adapt?: (point: Point) => Point;
}

const formats: readonly Format[] = [
  {
    name: 'line protocol',
    encode: lineProtocolOf,
    decode: (body) => decodeLineProtocol(body, { receivedMs: 0, channel: 'field' }),
  },
  { name: 'remote-write', encode: remoteWriteOf, decode: (body) => decodeRemoteWrite(body) },
  { name: 'OTLP in protobuf', encode: otlpProtobufOf, decode: (body) => decodeOtlpProtobuf(body) },
  { name: 'OTLP in JSON', encode: otlpJsonOf, decode: (body) => decodeOtlpJson(parsed(body)) },
  {
    name: 'CSV',
    encode: csvOf,
    decode: (body) => decodeCsv(body),
    // Spaces around a cell are no part of it.
    adapt: (point) => ({ ...point, channel: `_${point.channel}_` }),
  },
  {
    name: 'Sparkplug B',
    encode: sparkplugOf,
    decode: (body) => decodeSparkplug(DATA, body, new AliasTable(), { receivedMs: 0 }),
    // The device stands in the topic.
    adapt: (point) => ({ ...point, device: 'g/n/d' }),
  },
];

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return body.toString();
  }
}

/** A body with some bytes changed, taken out or put in. */
const mutated = (encode: Format['encode']) =>
  fc
    .tuple(points, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 2 }), fc.uint8Array({ maxLength: 4 })), { maxLength: 5 }))
    .map(([given, changes]) => {
      let body = encode(given);
      for (const [at, taken, put] of changes) {
        const position = at % (body.length + 1);
        body = Buffer.concat([body.subarray(0, position), put, body.subarray(position + taken)]);
      }
      return body;
    });

/** Errors of ours for what is no such body, and else nothing that a batch may not hold. */
function holdsItsPromise(decode: () => DecodedReadings): void {
  let decoded: DecodedReadings;
  try {
    decoded = decode();
  } catch (error) {
    assert.ok(error instanceof RequestInvalidError || error instanceof PayloadTooLargeError, error as Error);
    return;
  }
  const batch = ReadingBatch.create();
  for (const reading of decoded.readings) {
    assert.ok(isDeviceId(reading.device));
    assert.ok(reading.timeMs >= 0 && reading.timeMs < END_TIME_MS);
    assert.ok(reading.channels.length >= 1 && reading.channels.length <= 256);
    assert.ok(reading.channels.every(isChannelName));
    assert.equal(new Set(reading.channels).size, reading.channels.length);
    assert.equal(reading.values.length, reading.channels.length);
    assert.ok(reading.values.every(Number.isFinite));
    batch.addReading(reading.device, reading.timeMs, reading.channels, reading.values);
  }
  for (const { reason } of decoded.rejected) assert.doesNotMatch(reason, /\p{Cc}/u);
  assert.ok(decoded.rejected.length <= decoded.rejectedCount);
}

describe('formats (properties)', () => {
  for (const { name, encode, decode, adapt } of formats) {
    it(`${name}: what was encoded comes out, joined by device and time`, () => {
      fc.assert(
        fc.property(points, (given) => {
          const sent = given.map(adapt ?? ((point) => point));
          const unique = new Map(sent.map((point) => [`${point.device}\n${point.timeMs}\n${point.channel}`, point]));
          const each = [...unique.values()];
          const decoded = decode(encode(each));
          assert.deepEqual(decoded.rejected, []);
          assert.deepEqual(decoded.readings, joined(each));
        }),
      );
    });

    it(`${name}: no bytes make it throw anything but errors of ours`, () => {
      fc.assert(
        fc.property(
          fc.oneof(
            mutated(encode),
            fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
          ),
          (body) => holdsItsPromise(() => decode(body)),
        ),
        { numRuns: 1_000 },
      );
    });
  }

  it('OTLP in JSON: no document makes it throw anything but errors of ours', () => {
    const keys = ['resourceMetrics', 'resource', 'attributes', 'key', 'value', 'scopeMetrics', 'metrics', 'name'];
    const key = fc.constantFrom(...keys, 'gauge', 'summary', 'dataPoints', 'asInt', 'timeUnixNano', 'stringValue');
    const { tree } = fc.letrec((tie) => ({
      leaf: fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null)),
      tree: fc.oneof(
        { maxDepth: 12, withCrossShrink: true },
        tie('leaf'),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (document) => holdsItsPromise(() => decodeOtlpJson({ resourceMetrics: document }))),
      { numRuns: 1_000 },
    );
  });

  it('line protocol: no text makes it throw anything but errors of ours', () => {
    const unit = fc.constantFrom(
      'm',
      'device',
      '=',
      '=',
      ',',
      ' ',
      ' ',
      '"',
      '\\',
      '\n',
      '1',
      'i',
      '#',
      '\r',
      'é',
      '\t',
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 200 }), (text) =>
        holdsItsPromise(() => decodeLineProtocol(Buffer.from(text), { receivedMs: 0 })),
      ),
      { numRuns: 3_000 },
    );
  });

  it('snappy: what another encoder has made comes out', () => {
    const text = fc.oneof(
      fc.uint8Array({ maxLength: 2_000 }),
      fc.string({ unit: characters('ab'), maxLength: 5_000 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(text, (bytes) =>
        assert.deepEqual(Buffer.from(inflateSnappy(compress(bytes), bytes.length)), Buffer.from(bytes)),
      ),
    );
  });

  it('snappy: no bytes make it throw anything but errors of ours, and none make more than the limit', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      mutated((given) => Buffer.from(compress(remoteWriteOf(given)))),
    );
    fc.assert(
      fc.property(bytes, (block) => {
        try {
          assert.ok(inflateSnappy(block, 5_000).length <= 5_000);
        } catch (error) {
          assert.ok(error instanceof RequestInvalidError || error instanceof PayloadTooLargeError, error as Error);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('ns are divided exactly, down to the µs', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (nanos) => {
        const exact = Number(nanos / NANOS_A_MS) + Number((nanos % NANOS_A_MS) / 1000n) / 1000;
        assert.equal(unixMsFromText(String(nanos), 6), exact);
        assert.equal(unixMsFromNanos(Number(nanos & 0xffff_ffffn), Number(nanos >> 32n)), exact);
      }),
    );
  });
});
