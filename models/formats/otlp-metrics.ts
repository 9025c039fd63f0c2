/** OpenTelemetry metrics over HTTP: `ExportMetricsServiceRequest` in protobuf and JSON, and the answer in both. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { LabelMapper, type LabelMapping } from './label-mapping.js';
import { readOtlpJson } from './otlp-json.js';
import { MetricPoints } from './otlp-points.js';
import { readOtlpProtobuf } from './otlp-protobuf.js';
import { DECODE_LIMITS, ReadingJoin, type DecodedReadings, type DecodeLimits } from './reading-join.js';

/**
 * Attributes of the data point or of its resource. Where several services of one host send, say `{host.name}/{service.name}`:
 * attributes of the resource are no part of a channel's name.
 */
export const OTLP_MAPPING: LabelMapping = {
  device: ['device.id', 'host.name', 'service.instance.id', 'service.name'],
  leftOut: [],
};

export interface OtlpOptions {
  /** Default `OTLP_MAPPING`. */
  readonly mapping?: LabelMapping | undefined;
  readonly limits?: DecodeLimits | undefined;
}

/**
 * The channel is the name of the metric, followed by the attributes of the data point: `system.cpu.utilization[cpu:0]`. Gauges
 * and sums give their value, sums as they are sent, cumulative or delta. Histograms, exponential ones and summaries give
 * `name_count` and, where it is sent, `name_sum`; buckets, quantiles and exemplars are passed over.
 *
 * A point is a data point, counted through the request. Those with the flag "no recorded value" are ignored.
 *
 * @throws RequestInvalidError when the body is no such request. @throws PayloadTooLargeError beyond the limits.
 */
export function decodeOtlpProtobuf(body: Uint8Array, options: OtlpOptions = {}): DecodedReadings {
  const points = pointsFor(options);
  readOtlpProtobuf(body, points);
  return points.finish();
}

/**
 * The same in JSON: names in lowerCamelCase, 64-bit integers as text or as numbers, unknown names passed over.
 *
 * @param document what `JSON.parse` made of the body; its size and depth are for the caller to limit.
 */
export function decodeOtlpJson(document: unknown, options: OtlpOptions = {}): DecodedReadings {
  const points = pointsFor(options);
  readOtlpJson(document, points);
  return points.finish();
}

function pointsFor({ mapping = OTLP_MAPPING, limits = DECODE_LIMITS }: OtlpOptions): MetricPoints {
  return new MetricPoints(new LabelMapper(mapping), new ReadingJoin(limits));
}

/** `ExportMetricsServiceResponse`: how many data points were not taken, and why. A full success is empty, as the protocol asks. */
export interface OtlpAnswer {
  readonly partialSuccess?: {
    /** `int64`, so text. */
    readonly rejectedDataPoints: string;
    readonly errorMessage: string;
  };
}

/** @param decoded of the request, or what became of it since. */
export function otlpAnswer({
  rejectedCount,
  rejected,
}: Pick<DecodedReadings, 'rejectedCount' | 'rejected'>): OtlpAnswer {
  if (rejectedCount === 0) return {};
  const first = rejected[0];
  const errorMessage = first === undefined ? '' : `data point ${first.index}: ${first.reason}`;
  return { partialSuccess: { rejectedDataPoints: String(rejectedCount), errorMessage } };
}

/** The same answer in protobuf. */
export function encodeOtlpAnswer({ partialSuccess }: OtlpAnswer): Uint8Array {
  const writer = new BinaryWriter();
  if (partialSuccess !== undefined) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.Varint).int64(partialSuccess.rejectedDataPoints);
    writer.tag(2, WireType.LengthDelimited).string(partialSuccess.errorMessage);
    writer.join();
  }
  return writer.finish();
}
