/** The JSON encoding of OpenTelemetry metrics (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). */
import { quoteValue } from '../domain/quote-value.js';
import { RequestInvalidError } from '../errors.js';
import type { Attributes, MetricPoints } from './otlp-points.js';
import { unixMsFromText } from './unix-time.js';

type JsonObject = Readonly<Record<string, unknown>>;

const NUMBER_KINDS = ['gauge', 'sum'] as const;
const COUNTED_KINDS = ['histogram', 'exponentialHistogram', 'summary'] as const;

/** As in `csv-cells.ts`: no two runs of digits next to each other. */
const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const WORDS: ReadonlyMap<string, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

/** @throws RequestInvalidError when lists and objects are not where the format has them. Numbers that are none cost one data point. */
export function readOtlpJson(document: unknown, points: MetricPoints): void {
  const request = objectAt('the body', document);
  for (const item of listAt('resourceMetrics', request['resourceMetrics'])) {
    const resourceMetrics = objectAt('resourceMetrics', item);
    points.resource.clear();
    readAttributes(objectAt('resource', resourceMetrics['resource']), points.resource);
    for (const scopeMetrics of listAt('scopeMetrics', resourceMetrics['scopeMetrics'])) {
      for (const metric of listAt('metrics', objectAt('scopeMetrics', scopeMetrics)['metrics'])) {
        readMetric(objectAt('metrics', metric), points);
      }
    }
  }
}

function readMetric(metric: JsonObject, points: MetricPoints): void {
  const name = typeof metric['name'] === 'string' ? metric['name'] : '';
  for (const kind of NUMBER_KINDS) {
    for (const point of dataPoints(metric, kind)) readNumberPoint(name, point, points);
  }
  for (const kind of COUNTED_KINDS) {
    for (const point of dataPoints(metric, kind)) readCountedPoint(name, point, points, kind);
  }
}

function* dataPoints(metric: JsonObject, kind: string): Generator<JsonObject> {
  const data = objectAt(kind, metric[kind]);
  for (const point of listAt('dataPoints', data['dataPoints'])) yield objectAt('dataPoints', point);
}

function readNumberPoint(name: string, point: JsonObject, points: MetricPoints): void {
  readAttributes(point, points.attributes);
  const { timeMs, flags } = timeAndFlags(point);
  const field = isThere(point['asInt']) ? 'asInt' : 'asDouble';
  const value = isThere(point[field]) ? numberOf(point[field]) : undefined;
  if (Number.isNaN(timeMs)) points.refuse(badTime(point));
  else if (value === undefined && isThere(point[field])) points.refuse(notANumber(field, point));
  else points.takeNumber(name, timeMs, flags, value);
}

function readCountedPoint(
  name: string,
  point: JsonObject,
  points: MetricPoints,
  kind: (typeof COUNTED_KINDS)[number],
): void {
  readAttributes(point, points.attributes);
  const { timeMs, flags } = timeAndFlags(point);
  const count = isThere(point['count']) ? numberOf(point['count']) : 0;
  // As in protobuf: the sum of a summary is 0 where none is sent, the one of a histogram is not known.
  const impliedSum = kind === 'summary' ? 0 : undefined;
  const sum = isThere(point['sum']) ? numberOf(point['sum']) : impliedSum;
  if (Number.isNaN(timeMs)) points.refuse(badTime(point));
  else if (count === undefined) points.refuse(notANumber('count', point));
  else if (sum === undefined && isThere(point['sum'])) points.refuse(notANumber('sum', point));
  else points.takeCounted(name, timeMs, flags, count, sum);
}

/** `timeMs` is 0 where there is no time, and NaN where it is none. */
function timeAndFlags(point: JsonObject): { readonly timeMs: number; readonly flags: number } {
  const { timeUnixNano = '0', flags } = point;
  const isTime = typeof timeUnixNano === 'string' || typeof timeUnixNano === 'number';
  return {
    // A number has lost some ns, which we would drop anyway; below 1e21 it prints as digits.
    timeMs: isTime ? unixMsFromText(String(timeUnixNano), 6) : NaN,
    flags: typeof flags === 'number' ? flags : 0,
  };
}

function readAttributes(owner: JsonObject, attributes: Attributes): void {
  attributes.clear();
  for (const item of listAt('attributes', owner['attributes'])) {
    const { key, value } = objectAt('attributes', item);
    attributes.set(typeof key === 'string' ? key : '', labelOf(objectAt('value', value)));
  }
}

/** @returns undefined for a list, a map or bytes. */
function labelOf({ stringValue, boolValue, intValue, doubleValue, ...others }: JsonObject): string | undefined {
  const value = stringValue ?? boolValue ?? intValue ?? doubleValue;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  return value === undefined && Object.keys(others).length === 0 ? '' : undefined;
}

/** A number, or the text of one: integers of 64 bits and what JSON has no number for are sent as text. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  return DECIMAL.test(value) ? Number(value) : WORDS.get(value);
}

/** In the JSON of protobuf, null is as good as nothing. */
const isThere = (value: unknown): boolean => value !== undefined && value !== null;

function objectAt(name: string, value: unknown): JsonObject {
  if (!isThere(value) && name !== 'the body') return {};
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new RequestInvalidError(`${inRequest(name)} must be an object, got ${quoteValue(value)}`);
}

function listAt(name: string, value: unknown): readonly unknown[] {
  if (!isThere(value)) return [];
  if (Array.isArray(value)) return value;
  throw new RequestInvalidError(`${inRequest(name)} must be a list, got ${quoteValue(value)}`);
}

const inRequest = (name: string): string =>
  name === 'the body' ? name : `${name} of an ExportMetricsServiceRequest in JSON`;
const notANumber = (field: string, point: JsonObject): string =>
  `${field} must be a number, got ${quoteValue(point[field])}`;
const badTime = (point: JsonObject): string =>
  `timeUnixNano must be a whole number of ns, got ${quoteValue(point['timeUnixNano'])}`;
