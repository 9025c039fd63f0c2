/**
 * OpenTelemetry metrics over HTTP: `ExportMetricsServiceRequest`, as protobuf or JSON.
 *
 * Gauges and sums become a channel of the metric's name; histograms and summaries two, `name_count` and `name_sum`. Attributes of the
 * point and of its resource name the device and tell channels apart. Points that are marked as having no value are passed over.
 *
 * Source  github.com/open-telemetry/opentelemetry-proto, v1; opentelemetry.io/docs/specs/otlp
 */
import { Type, type Static } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { quoteValue } from '../domain/quote-value.js';
import { END_TIME_MS } from '../domain/timestamp.js';
import { RequestInvalidError } from '../errors.js';
import { nameOf, type LabelNames } from './label-names.js';
import type { PointSink } from './joined-readings.js';
import { decodeMessage, messages } from './protobuf.js';

const POINT = {
  attributes: [7, 'KeyValue', 'repeated'],
  timeUnixNano: [3, 'fixed64'],
  asDouble: [4, 'double'],
  asInt: [6, 'sfixed64'],
  flags: [8, 'uint32'],
} as const;

const ROOT = messages({
  AnyValue: { stringValue: [1, 'string'], boolValue: [2, 'bool'], intValue: [3, 'int64'], doubleValue: [4, 'double'] },
  KeyValue: { key: [1, 'string'], value: [2, 'AnyValue'] },
  NumberDataPoint: POINT,
  HistogramDataPoint: {
    attributes: [9, 'KeyValue', 'repeated'],
    timeUnixNano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'double'],
    flags: [10, 'uint32'],
  },
  ExponentialHistogramDataPoint: {
    attributes: [1, 'KeyValue', 'repeated'],
    timeUnixNano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'double'],
    flags: [10, 'uint32'],
  },
  SummaryDataPoint: {
    attributes: [7, 'KeyValue', 'repeated'],
    timeUnixNano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'double'],
    flags: [8, 'uint32'],
  },
  Gauge: { dataPoints: [1, 'NumberDataPoint', 'repeated'] },
  Sum: { dataPoints: [1, 'NumberDataPoint', 'repeated'] },
  Histogram: { dataPoints: [1, 'HistogramDataPoint', 'repeated'] },
  ExponentialHistogram: { dataPoints: [1, 'ExponentialHistogramDataPoint', 'repeated'] },
  Summary: { dataPoints: [1, 'SummaryDataPoint', 'repeated'] },
  Metric: {
    name: [1, 'string'],
    gauge: [5, 'Gauge'],
    sum: [7, 'Sum'],
    histogram: [9, 'Histogram'],
    exponentialHistogram: [10, 'ExponentialHistogram'],
    summary: [11, 'Summary'],
  },
  Resource: { attributes: [1, 'KeyValue', 'repeated'] },
  ScopeMetrics: { metrics: [2, 'Metric', 'repeated'] },
  ResourceMetrics: { resource: [1, 'Resource'], scopeMetrics: [2, 'ScopeMetrics', 'repeated'] },
  ExportMetricsServiceRequest: { resourceMetrics: [1, 'ResourceMetrics', 'repeated'] },
  PartialSuccess: { rejectedDataPoints: [1, 'int64'], errorMessage: [2, 'string'] },
  ExportMetricsServiceResponse: { partialSuccess: [1, 'PartialSuccess'] },
});

/** In JSON, 64-bit integers are text; both are taken. Unknown members are passed over: newer senders may have more. */
const Long = Type.Union([Type.String({ pattern: '^-?\\d{1,20}$' }), Type.Integer()]);
const Attributes = Type.Optional(
  Type.Array(
    Type.Object({
      key: Type.Optional(Type.String()),
      value: Type.Optional(
        Type.Object({
          stringValue: Type.Optional(Type.String()),
          boolValue: Type.Optional(Type.Boolean()),
          intValue: Type.Optional(Long),
          doubleValue: Type.Optional(Type.Number()),
        }),
      ),
    }),
  ),
);
const NumberPoints = Type.Optional(
  Type.Object({
    dataPoints: Type.Optional(
      Type.Array(
        Type.Object({
          attributes: Attributes,
          timeUnixNano: Type.Optional(Long),
          asDouble: Type.Optional(
            Type.Union([Type.Number(), Type.Literal('NaN'), Type.Literal('Infinity'), Type.Literal('-Infinity')]),
          ),
          asInt: Type.Optional(Long),
          flags: Type.Optional(Type.Number()),
        }),
      ),
    ),
  }),
);
const CountPoints = Type.Optional(
  Type.Object({
    dataPoints: Type.Optional(
      Type.Array(
        Type.Object({
          attributes: Attributes,
          timeUnixNano: Type.Optional(Long),
          count: Type.Optional(Long),
          sum: Type.Optional(Type.Number()),
          flags: Type.Optional(Type.Number()),
        }),
      ),
    ),
  }),
);
const Request = Type.Object({
  resourceMetrics: Type.Optional(
    Type.Array(
      Type.Object({
        resource: Type.Optional(Type.Object({ attributes: Attributes })),
        scopeMetrics: Type.Optional(
          Type.Array(
            Type.Object({
              metrics: Type.Optional(
                Type.Array(
                  Type.Object({
                    name: Type.Optional(Type.String()),
                    gauge: NumberPoints,
                    sum: NumberPoints,
                    histogram: CountPoints,
                    exponentialHistogram: CountPoints,
                    summary: CountPoints,
                  }),
                ),
              ),
            }),
          ),
        ),
      }),
    ),
  ),
});
type Request = Static<typeof Request>;
type Attributes = Static<typeof Attributes> | undefined;

const NANOS_A_MICRO = 1_000n;
/** `DataPointFlags.NO_RECORDED_VALUE`. */
const NO_VALUE = 1;

/** @throws RequestInvalidError when the bytes are no such message */
export function decodeOtlpMetrics(bytes: Uint8Array): Request {
  return decodeMessage(ROOT, 'ExportMetricsServiceRequest', bytes) as Request;
}

/** @throws RequestInvalidError when the document is no such message */
export function checkOtlpMetrics(document: unknown): Request {
  if (Value.Check(Request, document)) return document;
  const first = Value.Errors(Request, document).First();
  throw new RequestInvalidError(
    `${first?.path.slice(1).replaceAll('/', '.') ?? 'the body'} is not as OTLP metrics have it, got ${quoteValue(first?.value)}`,
  );
}

export function readOtlpMetrics({ resourceMetrics = [] }: Request, names: LabelNames, sink: PointSink): void {
  let index = 0;
  for (const { resource, scopeMetrics = [] } of resourceMetrics) {
    for (const { metrics = [] } of scopeMetrics) {
      for (const { name = '', gauge, sum, histogram, exponentialHistogram, summary } of metrics) {
        const named = (attributes: Attributes, suffix: string): ReturnType<typeof nameOf> =>
          name === ''
            ? 'a metric must have a name'
            : nameOf(name + suffix, labelsOf(resource?.attributes, attributes), names);
        for (const point of [...(gauge?.dataPoints ?? []), ...(sum?.dataPoints ?? [])]) {
          if (!hasNoValue(point.flags)) {
            add(
              sink,
              index,
              named(point.attributes, ''),
              point.timeUnixNano,
              Number(point.asDouble ?? point.asInt ?? NaN),
            );
          }
          index++;
        }
        const counted = [histogram, exponentialHistogram, summary].flatMap((one) => one?.dataPoints ?? []);
        for (const { attributes, timeUnixNano, count = 0, sum: total, flags } of counted) {
          if (!hasNoValue(flags)) {
            add(sink, index, named(attributes, '_count'), timeUnixNano, Number(count));
            if (total !== undefined) add(sink, index, named(attributes, '_sum'), timeUnixNano, total);
          }
          index++;
        }
      }
    }
  }
}

/** What a sender is told. @returns protobuf */
export function encodeOtlpAnswer(rejected: number, message: string): Uint8Array {
  const type = ROOT.lookupType('ExportMetricsServiceResponse');
  return type.encode(type.create(otlpAnswer(rejected, message))).finish();
}

/** What a sender is told, in JSON; nothing where all was taken. */
export function otlpAnswer(rejected: number, message: string): object {
  return rejected === 0 ? {} : { partialSuccess: { rejectedDataPoints: rejected, errorMessage: message } };
}

const hasNoValue = (flags = 0): boolean => (flags & NO_VALUE) !== 0;

function add(
  sink: PointSink,
  index: number,
  named: ReturnType<typeof nameOf>,
  time: string | number | undefined,
  value: number,
): void {
  const timeMs = time === undefined ? NaN : Number(BigInt(time) / NANOS_A_MICRO) / 1_000;
  if (typeof named === 'string') sink.reject(index, named);
  else if (!(timeMs > 0 && timeMs < END_TIME_MS)) {
    sink.reject(index, `timeUnixNano must be ns since 1970, got ${quoteValue(time)}`);
  } else sink.add(index, named.device, timeMs, named.channel, value);
}

/** Those of the point win over those of the resource. */
function labelsOf(...lists: readonly Attributes[]): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  for (const attributes of lists) {
    for (const { key = '', value = {} } of attributes ?? []) {
      const { stringValue, boolValue, intValue, doubleValue } = value;
      const text = stringValue ?? boolValue ?? intValue ?? doubleValue;
      if (key !== '' && text !== undefined && text !== '') labels.set(key, String(text));
    }
  }
  return labels;
}
