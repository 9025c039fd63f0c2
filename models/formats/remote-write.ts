/**
 * Prometheus remote write 1.0: snappy around a protobuf `prometheus.WriteRequest`.
 *
 * The channel is the metric's name, with labels that tell it apart. Staleness markers, which say that a series has ended, are passed over.
 *
 * Source  prometheus.io/docs/specs/prw/remote_write_spec
 */
import { uncompressSync } from 'snappy';
import { PayloadTooLargeError, RequestInvalidError } from '../errors.js';
import { nameOf, type LabelNames } from './label-names.js';
import type { PointSink } from './joined-readings.js';
import { decodeMessage, messages } from './protobuf.js';

const ROOT = messages({
  Label: { name: [1, 'string'], value: [2, 'string'] },
  Sample: { value: [1, 'double'], timestamp: [2, 'int64'] },
  TimeSeries: {
    labels: [1, 'Label', 'repeated'],
    samples: [2, 'Sample', 'repeated'],
    histograms: [4, 'bytes', 'repeated'],
  },
  WriteRequest: { timeseries: [1, 'TimeSeries', 'repeated'] },
});

interface WriteRequest {
  readonly timeseries: readonly {
    readonly labels: readonly { readonly name?: string; readonly value?: string }[];
    readonly samples: readonly { readonly value?: number; readonly timestamp?: number }[];
    readonly histograms: readonly unknown[];
  }[];
}

const NAME = '__name__';
/** The NaN by which Prometheus marks that a series has ended. */
const STALE_HIGH = 0x7ff00000;
const STALE_LOW = 0x00000002;
const bits = new DataView(new ArrayBuffer(8));

/**
 * Snappy's block format, as remote write has it.
 *
 * @param mostBytes that it may inflate to; checked before it is inflated
 * @throws PayloadTooLargeError, RequestInvalidError
 */
export function unsnappy(bytes: Uint8Array, mostBytes: number): Uint8Array {
  const length = declaredLength(bytes);
  if (length > mostBytes) {
    throw new PayloadTooLargeError(`the body must inflate to at most ${mostBytes} bytes, got ${length}`, {
      data: { limitBytes: mostBytes },
    });
  }
  try {
    return uncompressSync(bytes) as Uint8Array;
  } catch (error) {
    throw new RequestInvalidError('the body must be compressed with snappy (block format)', { cause: error });
  }
}

/** @param bytes inflated. @throws RequestInvalidError when they are no such message */
export function readRemoteWrite(bytes: Uint8Array, names: LabelNames, sink: PointSink): void {
  const { timeseries } = decodeMessage(ROOT, 'WriteRequest', bytes) as WriteRequest;
  let index = 0;
  for (const { labels, samples, histograms } of timeseries) {
    const named = seriesName(labels, names);
    for (const { value = 0, timestamp = 0 } of samples) {
      if (typeof named === 'string') sink.reject(index, named);
      else if (!isStale(value)) sink.add(index, named.device, timestamp, named.channel, value);
      index++;
    }
    for (let h = 0; h < histograms.length; h++) {
      sink.reject(index, 'native histograms are not read: send the series _count and _sum');
      index++;
    }
  }
}

function seriesName(
  labels: WriteRequest['timeseries'][number]['labels'],
  names: LabelNames,
): ReturnType<typeof nameOf> {
  const found = new Map<string, string>();
  let measure = '';
  for (const { name = '', value = '' } of labels) {
    if (name === NAME) measure = value;
    else found.set(name, value);
  }
  return measure === '' ? 'a series must have the label __name__' : nameOf(measure, found, names);
}

function isStale(value: number): boolean {
  if (!Number.isNaN(value)) return false;
  bits.setFloat64(0, value);
  return bits.getUint32(0) === STALE_HIGH && bits.getUint32(4) === STALE_LOW;
}

/** What the first bytes say: a base-128 number of at most 32 bits. @throws RequestInvalidError */
function declaredLength(bytes: Uint8Array): number {
  let length = 0;
  for (let i = 0; i < 5 && i < bytes.length; i++) {
    length += (bytes[i]! & 0x7f) * 2 ** (7 * i);
    if (bytes[i]! < 0x80) return length;
  }
  throw new RequestInvalidError('the body must be compressed with snappy (block format)');
}
