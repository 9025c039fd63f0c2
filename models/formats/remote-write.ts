/** Prometheus remote-write 1.0: `prometheus.WriteRequest`, snappy already taken off. */
import { RequestInvalidError } from '../errors.js';
import { LabelMapper, Labels, type LabelledSeries, type LabelMapping } from './label-mapping.js';
import { fixed64Tag, lengthTag, readProtobuf, varintTag, type ProtobufReader } from './protobuf-reader.js';
import { DECODE_LIMITS, ReadingJoin, type DecodedReadings, type DecodeLimits } from './reading-join.js';

/**
 * `device` is what people who export sensors call it; `instance` is on every series that Prometheus scrapes. The exporters of
 * machines call a disk or a network interface `device`: for them, say `instance` alone. `job` and `instance` name one target
 * together, so `job` adds nothing to the name of a channel.
 */
export const REMOTE_WRITE_MAPPING: LabelMapping = { device: ['device', 'instance'], leftOut: ['job'] };

export interface RemoteWriteOptions {
  /** Default `REMOTE_WRITE_MAPPING`. */
  readonly mapping?: LabelMapping | undefined;
  readonly limits?: DecodeLimits | undefined;
}

const NAME_LABEL = '__name__';

/** Fields of the messages (https://github.com/prometheus/prometheus/blob/main/prompb/types.proto and remote.proto). */
const REQUEST = { timeseries: lengthTag(1), symbolsOf2: lengthTag(4), timeseriesOf2: lengthTag(5) } as const;
const SERIES = { label: lengthTag(1), sample: lengthTag(2), histogram: lengthTag(4) } as const;
const LABEL = { name: lengthTag(1), value: lengthTag(2) } as const;
const SAMPLE = { value: fixed64Tag(1), timestamp: varintTag(2) } as const;

/** A NaN with these bits says: the series ends here. (model/value/value.go) */
const STALE_LOW = 0x0000_0002;
const STALE_HIGH = 0x7ff0_0000;

/**
 * The channel is the name of the metric, followed by the labels that do not name the device: `node_load1`,
 * `node_cpu_seconds_total[cpu:0][mode:idle]`. A point is a sample or a native histogram, counted through the request.
 *
 * Staleness markers are ignored, other NaN and infinities rejected, and so are native histograms, which are no number.
 * Exemplars and metadata are passed over; a request of metadata alone has no readings.
 *
 * @throws RequestInvalidError when the body is not a WriteRequest of version 1. @throws PayloadTooLargeError beyond the limits.
 */
export function decodeRemoteWrite(body: Uint8Array, options: RemoteWriteOptions = {}): DecodedReadings {
  return readProtobuf('a WriteRequest', body, (reader) => new WriteRequest(reader, options).read());
}

class WriteRequest {
  readonly #reader: ProtobufReader;
  readonly #mapper: LabelMapper;
  readonly #join: ReadingJoin;
  #index = 0;
  /** Of the series in hand. */
  readonly #labels = new Labels();
  #name = '';
  readonly #timesMs: number[] = [];
  readonly #values: (number | undefined)[] = [];
  #histograms = 0;
  /** One channel and one value at a time go to the join. */
  readonly #channel = [''];
  readonly #value = [0];

  constructor(reader: ProtobufReader, { mapping = REMOTE_WRITE_MAPPING, limits = DECODE_LIMITS }: RemoteWriteOptions) {
    this.#reader = reader;
    this.#mapper = new LabelMapper(mapping);
    this.#join = new ReadingJoin(limits);
  }

  read(): DecodedReadings {
    const reader = this.#reader;
    while (reader.pos < reader.len) {
      const tag = reader.tagNumber();
      switch (tag) {
        case REQUEST.timeseries:
          this.#readSeries();
          break;
        case REQUEST.symbolsOf2:
        case REQUEST.timeseriesOf2:
          throw new RequestInvalidError('the body is remote-write 2.0, a prometheus.WriteRequest of 1.0 was expected');
        default:
          reader.pass(tag);
      }
    }
    return this.#join.finish();
  }

  /** All of it before anything is taken: nothing says that labels come before samples. */
  #readSeries(): void {
    const reader = this.#reader;
    this.#labels.clear();
    this.#name = '';
    this.#timesMs.length = 0;
    this.#values.length = 0;
    this.#histograms = 0;
    const end = reader.enter(reader.len);
    while (reader.pos < end) {
      const tag = reader.tagNumber();
      switch (tag) {
        case SERIES.label:
          this.#readLabel(end);
          break;
        case SERIES.sample:
          this.#readSample(end);
          break;
        case SERIES.histogram:
          this.#histograms++;
          reader.pass(tag);
          break;
        default:
          reader.pass(tag);
      }
    }
    reader.leave(end);
    this.#take();
  }

  #readLabel(outerEnd: number): void {
    const reader = this.#reader;
    let name = '';
    let value = '';
    const end = reader.enter(outerEnd);
    while (reader.pos < end) {
      const tag = reader.tagNumber();
      if (tag === LABEL.name) name = reader.text();
      else if (tag === LABEL.value) value = reader.text();
      else reader.pass(tag);
    }
    reader.leave(end);
    if (name === NAME_LABEL) this.#name = value;
    else this.#labels.set(name, value);
  }

  #readSample(outerEnd: number): void {
    const reader = this.#reader;
    let value: number | undefined = 0;
    let timeMs = 0;
    const end = reader.enter(outerEnd);
    while (reader.pos < end) {
      const tag = reader.tagNumber();
      if (tag === SAMPLE.value) value = this.#readValue();
      else if (tag === SAMPLE.timestamp) timeMs = reader.int64Number();
      else reader.pass(tag);
    }
    reader.leave(end);
    this.#values.push(value);
    this.#timesMs.push(timeMs);
  }

  /** @returns undefined for the marker of staleness; told by its bits, since a double in hand may lose those of a NaN. */
  #readValue(): number | undefined {
    const reader = this.#reader;
    const isStale = reader.isNext64(STALE_LOW, STALE_HIGH);
    const value = reader.double();
    return isStale ? undefined : value;
  }

  #take(): void {
    const series = this.#series();
    for (let i = 0; i < this.#values.length; i++) {
      const value = this.#values[i];
      const index = this.#index++;
      if (typeof series === 'string') {
        this.#join.reject(index, series);
      } else if (value === undefined) {
        this.#join.ignore();
      } else {
        this.#channel[0] = this.#name + series.suffix;
        this.#value[0] = value;
        this.#join.add(index, series.device, this.#timesMs[i]!, this.#channel, this.#value);
      }
    }
    for (let i = 0; i < this.#histograms; i++) {
      this.#join.reject(this.#index++, `a native histogram is no number: ${this.#name || 'the series'} is not taken`);
    }
  }

  #series(): LabelledSeries | string {
    return this.#name === '' ? `a series must have the label ${NAME_LABEL}` : this.#mapper.seriesOf(this.#labels);
  }
}
