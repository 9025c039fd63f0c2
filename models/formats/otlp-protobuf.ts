/** The protobuf encoding of OpenTelemetry metrics. Field numbers: opentelemetry-proto 1.x. */
import type { Attributes, MetricPoints } from './otlp-points.js';
import { fixed64Tag, lengthTag, readProtobuf, varintTag, type ProtobufReader } from './protobuf-reader.js';

const REQUEST = { resourceMetrics: lengthTag(1) } as const;
const RESOURCE_METRICS = { resource: lengthTag(1), scopeMetrics: lengthTag(2) } as const;
const RESOURCE = { attributes: lengthTag(1) } as const;
const SCOPE_METRICS = { metrics: lengthTag(2) } as const;
const METRIC = { name: lengthTag(1) } as const;
const KEY_VALUE = { key: lengthTag(1), value: lengthTag(2) } as const;
const ANY_VALUE = {
  string: lengthTag(1),
  bool: varintTag(2),
  int: varintTag(3),
  double: fixed64Tag(4),
  array: lengthTag(5),
  list: lengthTag(6),
  bytes: lengthTag(7),
} as const;
/** Of every kind of data, its data points; and of every kind of data point, its time. */
const DATA_POINTS = lengthTag(1);
const TIME = fixed64Tag(3);

interface PointFields {
  readonly attributes: number;
  readonly flags: number;
  /** The sum where none is sent: the one of a summary is 0 then, the one of a histogram is not known. */
  readonly impliedSum: number | undefined;
}

/** Kinds of data by their field in Metric. */
const NUMBER_KINDS: ReadonlySet<number> = new Set([lengthTag(5), lengthTag(7)]);
const NUMBER_POINT = { attributes: lengthTag(7), flags: varintTag(8) } as const;
const NUMBER_VALUE = { asDouble: fixed64Tag(4), asInt: fixed64Tag(6) } as const;
const COUNTED_KINDS: ReadonlyMap<number, PointFields> = new Map([
  [lengthTag(9), { attributes: lengthTag(9), flags: varintTag(10), impliedSum: undefined }],
  [lengthTag(10), { attributes: lengthTag(1), flags: varintTag(10), impliedSum: undefined }],
  [lengthTag(11), { attributes: lengthTag(7), flags: varintTag(8), impliedSum: 0 }],
]);
const COUNTED_VALUE = { count: fixed64Tag(4), sum: fixed64Tag(5) } as const;

/** @throws RequestInvalidError */
export function readOtlpProtobuf(body: Uint8Array, points: MetricPoints): void {
  readProtobuf('an ExportMetricsServiceRequest', body, (reader) => new RequestReader(reader, points).read());
}

class RequestReader {
  readonly #reader: ProtobufReader;
  readonly #points: MetricPoints;

  constructor(reader: ProtobufReader, points: MetricPoints) {
    this.#reader = reader;
    this.#points = points;
  }

  read(): void {
    const reader = this.#reader;
    while (reader.pos < reader.len) {
      const tag = reader.tagNumber();
      if (tag === REQUEST.resourceMetrics) this.#readResourceMetrics();
      else reader.pass(tag);
    }
  }

  /** Twice: nothing says that the resource comes before what it is the resource of. */
  #readResourceMetrics(): void {
    const reader = this.#reader;
    const { resource } = this.#points;
    resource.clear();
    const end = reader.enter(reader.len);
    const start = reader.pos;
    while (reader.pos < end) {
      const tag = reader.tagNumber();
      if (tag === RESOURCE_METRICS.resource) this.#readResource(end);
      else reader.pass(tag);
    }
    reader.leave(end);
    reader.pos = start;
    while (reader.pos < end) {
      const tag = reader.tagNumber();
      if (tag === RESOURCE_METRICS.scopeMetrics) this.#readScopeMetrics(end);
      else reader.pass(tag);
    }
  }

  #readResource(outerEnd: number): void {
    const reader = this.#reader;
    const end = reader.enter(outerEnd);
    while (reader.pos < end) {
      const tag = reader.tagNumber();
      if (tag === RESOURCE.attributes) this.#readAttribute(end, this.#points.resource);
      else reader.pass(tag);
    }
    reader.leave(end);
  }

  #readScopeMetrics(outerEnd: number): void {
    const reader = this.#reader;
    const end = reader.enter(outerEnd);
    while (reader.pos < end) {
      const tag = reader.tagNumber();
      if (tag === SCOPE_METRICS.metrics) this.#readMetric(end);
      else reader.pass(tag);
    }
    reader.leave(end);
  }

  /** Twice, as above: the name may come last. */
  #readMetric(outerEnd: number): void {
    const reader = this.#reader;
    let name = '';
    const end = reader.enter(outerEnd);
    const start = reader.pos;
    while (reader.pos < end) {
      const tag = reader.tagNumber();
      if (tag === METRIC.name) name = reader.text();
      else reader.pass(tag);
    }
    reader.leave(end);
    reader.pos = start;
    while (reader.pos < end) {
      const tag = reader.tagNumber();
      const counted = COUNTED_KINDS.get(tag);
      if (counted !== undefined) this.#readData(end, name, counted);
      else if (NUMBER_KINDS.has(tag)) this.#readData(end, name, undefined);
      else reader.pass(tag);
    }
  }

  #readData(outerEnd: number, name: string, counted: PointFields | undefined): void {
    const reader = this.#reader;
    const end = reader.enter(outerEnd);
    while (reader.pos < end) {
      const tag = reader.tagNumber();
      if (tag !== DATA_POINTS) reader.pass(tag);
      else if (counted === undefined) this.#readNumberPoint(end, name);
      else this.#readCountedPoint(end, name, counted);
    }
    reader.leave(end);
  }

  #readNumberPoint(outerEnd: number, name: string): void {
    const reader = this.#reader;
    const { attributes } = this.#points;
    attributes.clear();
    let timeMs = 0;
    let flags = 0;
    let value: number | undefined;
    const end = reader.enter(outerEnd);
    while (reader.pos < end) {
      const tag = reader.tagNumber();
      switch (tag) {
        case NUMBER_POINT.attributes:
          this.#readAttribute(end, attributes);
          break;
        case NUMBER_POINT.flags:
          flags = reader.uint32();
          break;
        case TIME:
          timeMs = reader.fixed64UnixMs();
          break;
        case NUMBER_VALUE.asDouble:
          value = reader.double();
          break;
        case NUMBER_VALUE.asInt:
          value = reader.sfixed64Number();
          break;
        default:
          reader.pass(tag);
      }
    }
    reader.leave(end);
    this.#points.takeNumber(name, timeMs, flags, value);
  }

  #readCountedPoint(outerEnd: number, name: string, fields: PointFields): void {
    const reader = this.#reader;
    const { attributes } = this.#points;
    attributes.clear();
    let timeMs = 0;
    let flags = 0;
    let count = 0;
    let sum = fields.impliedSum;
    const end = reader.enter(outerEnd);
    while (reader.pos < end) {
      const tag = reader.tagNumber();
      if (tag === fields.attributes) this.#readAttribute(end, attributes);
      else if (tag === fields.flags) flags = reader.uint32();
      else if (tag === TIME) timeMs = reader.fixed64UnixMs();
      else if (tag === COUNTED_VALUE.count) count = reader.fixed64Number();
      else if (tag === COUNTED_VALUE.sum) sum = reader.double();
      else reader.pass(tag);
    }
    reader.leave(end);
    this.#points.takeCounted(name, timeMs, flags, count, sum);
  }

  #readAttribute(outerEnd: number, attributes: Attributes): void {
    const reader = this.#reader;
    let key = '';
    let value: string | undefined = '';
    const end = reader.enter(outerEnd);
    while (reader.pos < end) {
      const tag = reader.tagNumber();
      if (tag === KEY_VALUE.key) key = reader.text();
      else if (tag === KEY_VALUE.value) value = this.#readAnyValue(end);
      else reader.pass(tag);
    }
    reader.leave(end);
    attributes.set(key, value);
  }

  /** @returns undefined for what is no label: a list, a map, bytes. They are not looked into. */
  #readAnyValue(outerEnd: number): string | undefined {
    const reader = this.#reader;
    let value: string | undefined = '';
    const end = reader.enter(outerEnd);
    while (reader.pos < end) {
      const tag = reader.tagNumber();
      switch (tag) {
        case ANY_VALUE.string:
          value = reader.text();
          break;
        case ANY_VALUE.bool:
          value = String(reader.bool());
          break;
        case ANY_VALUE.int:
          value = String(reader.int64());
          break;
        case ANY_VALUE.double:
          value = String(reader.double());
          break;
        default:
          if (tag === ANY_VALUE.array || tag === ANY_VALUE.list || tag === ANY_VALUE.bytes) value = undefined;
          reader.pass(tag);
      }
    }
    reader.leave(end);
    return value;
  }
}
