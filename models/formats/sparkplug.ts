/** Sparkplug B payloads (`org.eclipse.tahu.protobuf.Payload`) of births and data. */
import { quoteValue } from '../domain/quote-value.js';
import { PayloadTooLargeError, RequestInvalidError } from '../errors.js';
import { LabelMapper, Labels, type LabelledSeries, type LabelMapping } from './label-mapping.js';
import { fixed32Tag, fixed64Tag, lengthTag, readProtobuf, varintTag, type ProtobufReader } from './protobuf-reader.js';
import { DECODE_LIMITS, ReadingJoin, type DecodedReadings, type DecodeLimits } from './reading-join.js';
import type { AliasTable } from './sparkplug-alias-table.js';
import type { SparkplugTopic } from './sparkplug-topic.js';

/** The labels are the levels of the topic: `group`, `node` and, for a device, `device`. */
export const SPARKPLUG_MAPPING: LabelMapping = {
  device: ['{group}/{node}/{device}', '{group}/{node}'],
  leftOut: [],
};

export interface SparkplugOptions {
  /** Unix ms, the time of metrics that have none in a payload that has none. */
  readonly receivedMs: number;
  /** Default `SPARKPLUG_MAPPING`. */
  readonly mapping?: LabelMapping | undefined;
  readonly limits?: DecodeLimits | undefined;
}

export interface SparkplugReadings extends DecodedReadings {
  /** Messages of the edge node were lost before this one. */
  readonly seqGap: { readonly expected: number; readonly got: number } | undefined;
  /** Whether what is known of the edge node is incomplete: it should be asked for a rebirth (NCMD `Node Control/Rebirth`). */
  readonly needsRebirth: boolean;
}

const PAYLOAD = { timestamp: varintTag(1), metric: lengthTag(2), seq: varintTag(3) } as const;
const METRIC = {
  name: lengthTag(1),
  alias: varintTag(2),
  timestamp: varintTag(3),
  datatype: varintTag(4),
  isNull: varintTag(7),
  intValue: varintTag(10),
  longValue: varintTag(11),
  floatValue: fixed32Tag(12),
  doubleValue: fixed64Tag(13),
  booleanValue: varintTag(14),
} as const;

const FLOAT = 9;
const DOUBLE = 10;
const BOOLEAN = 11;
/** Integers by the number of their datatype; the specification names them so. */
const INTEGERS: ReadonlyMap<number, { readonly name: string; readonly bits: number; readonly isSigned: boolean }> =
  new Map([
    [1, { name: 'Int8', bits: 8, isSigned: true }],
    [2, { name: 'Int16', bits: 16, isSigned: true }],
    [3, { name: 'Int32', bits: 32, isSigned: true }],
    [4, { name: 'Int64', bits: 64, isSigned: true }],
    [5, { name: 'UInt8', bits: 8, isSigned: false }],
    [6, { name: 'UInt16', bits: 16, isSigned: false }],
    [7, { name: 'UInt32', bits: 32, isSigned: false }],
    [8, { name: 'UInt64', bits: 64, isSigned: false }],
  ]);
/** Strings, times, data sets, templates, arrays, …: nothing to score. */
const isNumeric = (datatype: number): boolean => datatype <= BOOLEAN;

/** The number of the session, and switches by which hosts command: no measurements, though their types are numeric. */
const NOT_MEASURED = /^(bdSeq$|Node Control\/|Device Control\/)/;

interface Metric {
  name: string | undefined;
  alias: string | undefined;
  timeMs: number | undefined;
  datatype: number;
  isNull: boolean;
  /** The bits of `int_value` (32) or `long_value` (64): the datatype says what they mean. */
  bits: bigint | undefined;
  isLong: boolean;
  number: number | undefined;
  isTrue: boolean | undefined;
}

interface Payload {
  timeMs: number | undefined;
  seq: number | undefined;
  readonly metrics: Metric[];
}

/**
 * The channel is the name of the metric. A point is a metric of the payload. Numbers and booleans (1 and 0) become values;
 * historical values are readings like others, and values of a birth are readings too. Ignored are metrics that are null or not
 * numeric, `bdSeq`, and what is under `Node Control/` and `Device Control/`.
 *
 * Negative integers are two's complement, in 32 bits or in as many as the datatype has: senders do either.
 *
 * @param table of this edge node; it learns from births, forgets at deaths, and counts `seq`. Unchanged by a payload that cannot
 *   be read.
 * @throws RequestInvalidError when the payload is not one, or the message is a command. @throws PayloadTooLargeError beyond the
 *   limits.
 *
 * Source: Sparkplug 3.0.0, chapter 6
 */
export function decodeSparkplug(
  topic: SparkplugTopic,
  body: Uint8Array,
  table: AliasTable,
  options: SparkplugOptions,
): SparkplugReadings {
  const { type } = topic;
  if (type === 'NCMD' || type === 'DCMD') {
    throw new RequestInvalidError(`a birth, data or death was expected, got the command ${type}`);
  }
  const { limits = DECODE_LIMITS } = options;
  const payload = readProtobuf('a Sparkplug B payload', body, (reader) => readPayload(reader, limits.maxPoints));
  const device = topic.device ?? '';
  if (type === 'NBIRTH' || type === 'DBIRTH') table.birth(device, born(device, payload.metrics));
  const seqGap = countSeq(topic, payload, table);
  const isDeath = type === 'NDEATH' || type === 'DDEATH';
  if (isDeath) table.death(device);
  const message = new Message(topic, payload, table, options, new ReadingJoin(limits));
  if (!isDeath) message.take();
  return {
    ...message.join.finish(),
    seqGap,
    needsRebirth: !isDeath && (seqGap !== undefined || !table.isAlive || message.hasUnknownAlias),
  };
}

function born(device: string, metrics: readonly Metric[]): Parameters<AliasTable['birth']>[1] {
  return metrics.flatMap(({ name, alias, datatype }) =>
    name === undefined ? [] : [{ device, name, alias, datatype }],
  );
}

function countSeq({ type }: SparkplugTopic, { seq }: Payload, table: AliasTable): SparkplugReadings['seqGap'] {
  // The death of an edge node is written in advance, as its MQTT will: it has no number.
  if (type === 'NDEATH') return undefined;
  if (type === 'NBIRTH') {
    table.startSeq(seq ?? 0);
    return undefined;
  }
  if (seq === undefined) return undefined;
  const expected = table.nextSeq(seq);
  return expected === undefined ? undefined : { expected, got: seq };
}

class Message {
  readonly join: ReadingJoin;
  hasUnknownAlias = false;
  readonly #payload: Payload;
  readonly #table: AliasTable;
  readonly #device: string;
  readonly #receivedMs: number;
  readonly #series: LabelledSeries | string;

  constructor(
    topic: SparkplugTopic,
    payload: Payload,
    table: AliasTable,
    { mapping = SPARKPLUG_MAPPING, receivedMs }: SparkplugOptions,
    join: ReadingJoin,
  ) {
    const labels = new Labels();
    labels.set('group', topic.group);
    labels.set('node', topic.node);
    if (topic.device !== undefined) labels.set('device', topic.device);
    this.join = join;
    this.#payload = payload;
    this.#table = table;
    this.#device = topic.device ?? '';
    this.#receivedMs = receivedMs;
    this.#series = new LabelMapper(mapping).seriesOf(labels);
  }

  take(): void {
    this.#payload.metrics.forEach((metric, index) => this.#takeMetric(metric, index));
  }

  #takeMetric(metric: Metric, index: number): void {
    const known = this.#table.find(this.#device, metric.name, metric.alias);
    const name = metric.name ?? known?.name;
    if (name === undefined) {
      this.hasUnknownAlias ||= metric.alias !== undefined;
      this.join.reject(
        index,
        metric.alias === undefined
          ? 'a metric must have a name or an alias'
          : `alias ${metric.alias} is not known: no birth has named it`,
      );
      return;
    }
    const datatype = metric.datatype === 0 ? (known?.datatype ?? 0) : metric.datatype;
    if (metric.isNull || !isNumeric(datatype) || NOT_MEASURED.test(name)) {
      this.join.ignore();
      return;
    }
    const value = valueOf(metric, datatype);
    if (typeof value === 'string') this.join.reject(index, `metric ${quoteValue(name)} ${value}`);
    else if (typeof this.#series === 'string') this.join.reject(index, this.#series);
    else {
      const timeMs = metric.timeMs ?? this.#payload.timeMs ?? this.#receivedMs;
      this.join.add(index, this.#series.device, timeMs, [name + this.#series.suffix], [value]);
    }
  }
}

/** @returns the value, or what is wrong with it. */
function valueOf({ bits, isLong, number, isTrue }: Metric, datatype: number): number | string {
  const integer = INTEGERS.get(datatype);
  if (integer !== undefined) {
    if (bits === undefined) return `must have an integer, as its datatype ${integer.name} says`;
    const value = integerOf(bits, isLong, integer);
    return value ?? `must fit into its datatype ${integer.name}, got ${bits}`;
  }
  const value = isTrue === undefined ? number : Number(isTrue);
  if (value !== undefined) return value;
  if (datatype === BOOLEAN) return 'must have a boolean, as its datatype says';
  if (datatype === FLOAT || datatype === DOUBLE) return 'must have a floating-point number, as its datatype says';
  return 'must have a datatype: neither it nor its birth has told one';
}

/** Bits as the number that they mean, as the nearest double; undefined: the number does not fit. */
function integerOf(bits: bigint, isLong: boolean, type: { bits: number; isSigned: boolean }): number | undefined {
  if (!type.isSigned) return BigInt.asUintN(type.bits, bits) === bits ? Number(bits) : undefined;
  const extended = BigInt.asIntN(isLong ? 64 : 32, bits);
  const narrow = BigInt.asIntN(type.bits, bits);
  return extended === narrow || BigInt.asUintN(type.bits, bits) === bits ? Number(narrow) : undefined;
}

function readPayload(reader: ProtobufReader, maxMetrics: number): Payload {
  const payload: Payload = { timeMs: undefined, seq: undefined, metrics: [] };
  while (reader.pos < reader.len) {
    const tag = reader.tagNumber();
    switch (tag) {
      case PAYLOAD.timestamp:
        payload.timeMs = Number(reader.uint64Bits());
        break;
      case PAYLOAD.seq:
        payload.seq = Number(reader.uint64Bits());
        break;
      case PAYLOAD.metric:
        if (payload.metrics.length === maxMetrics) {
          throw new PayloadTooLargeError(`a payload must have at most ${maxMetrics} metrics, got more`, {
            data: { limit: maxMetrics },
          });
        }
        payload.metrics.push(readMetric(reader));
        break;
      default:
        reader.pass(tag);
    }
  }
  return payload;
}

function readMetric(reader: ProtobufReader): Metric {
  const metric: Metric = {
    name: undefined,
    alias: undefined,
    timeMs: undefined,
    datatype: 0,
    isNull: false,
    bits: undefined,
    isLong: false,
    number: undefined,
    isTrue: undefined,
  };
  const end = reader.enter(reader.len);
  while (reader.pos < end) {
    const tag = reader.tagNumber();
    switch (tag) {
      case METRIC.name:
        metric.name = reader.text();
        break;
      case METRIC.alias:
        metric.alias = String(reader.uint64Bits());
        break;
      case METRIC.timestamp:
        metric.timeMs = Number(reader.uint64Bits());
        break;
      case METRIC.datatype:
        metric.datatype = reader.uint32();
        break;
      case METRIC.isNull:
        metric.isNull = reader.bool();
        break;
      case METRIC.intValue:
        metric.bits = BigInt(reader.uint32());
        metric.isLong = false;
        break;
      case METRIC.longValue:
        metric.bits = reader.uint64Bits();
        metric.isLong = true;
        break;
      case METRIC.floatValue:
        metric.number = reader.float();
        break;
      case METRIC.doubleValue:
        metric.number = reader.double();
        break;
      case METRIC.booleanValue:
        metric.isTrue = reader.bool();
        break;
      default:
        reader.pass(tag);
    }
  }
  reader.leave(end);
  return metric;
}
