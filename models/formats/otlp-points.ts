/** What both encodings of OpenTelemetry metrics have in common: from a data point to values. */
import { quoteValue } from '../domain/quote-value.js';
import { Labels, type LabelMapper } from './label-mapping.js';
import type { DecodedReadings, ReadingJoin } from './reading-join.js';

/** Bit of `flags` that says: there is no value at this time. */
const NO_RECORDED_VALUE = 1;

const NUMBER_ENDINGS = [''] as const;
const COUNT_ENDINGS = ['_count'] as const;
const COUNT_AND_SUM_ENDINGS = ['_count', '_sum'] as const;

/** Attributes as labels: texts as they are, numbers and booleans as text. */
export class Attributes {
  readonly labels = new Labels();
  /** Name of the first one that is no label. */
  unusable: string | undefined;

  /** @param value undefined: a list, a map or bytes. */
  set(key: string, value: string | undefined): void {
    if (value === undefined) this.unusable ??= key;
    else this.labels.set(key, value);
  }

  clear(): void {
    this.labels.clear();
    this.unusable = undefined;
  }
}

/** Takes one data point at a time: its attributes first, then what it says. */
export class MetricPoints {
  /** Of the resource in hand. Those that are no labels are usual there (a command line is a list), and name no device. */
  readonly resource = new Attributes();
  /** Of the data point in hand. */
  readonly attributes = new Attributes();
  readonly #mapper: LabelMapper;
  readonly #join: ReadingJoin;
  #index = 0;

  constructor(mapper: LabelMapper, join: ReadingJoin) {
    this.#mapper = mapper;
    this.#join = join;
  }

  /** Of a gauge or a sum. @param timeMs Unix ms; 0: it has none. @param value undefined: it has none. */
  takeNumber(name: string, timeMs: number, flags: number, value: number | undefined): void {
    if (value !== undefined) this.#take(name, timeMs, flags, NUMBER_ENDINGS, [value]);
    else if ((flags & NO_RECORDED_VALUE) !== 0) this.#take(name, timeMs, flags, [], []);
    else this.refuse('a data point must have asDouble or asInt, got neither');
  }

  /** Of a histogram or summary. @param sum undefined: it is not known. */
  takeCounted(name: string, timeMs: number, flags: number, count: number, sum: number | undefined): void {
    if (sum === undefined) this.#take(name, timeMs, flags, COUNT_ENDINGS, [count]);
    else this.#take(name, timeMs, flags, COUNT_AND_SUM_ENDINGS, [count, sum]);
  }

  /** The data point in hand cannot be read. */
  refuse(reason: string): void {
    this.#join.reject(this.#index++, reason);
  }

  finish(): DecodedReadings {
    return this.#join.finish();
  }

  #take(name: string, timeMs: number, flags: number, endings: readonly string[], values: readonly number[]): void {
    if ((flags & NO_RECORDED_VALUE) !== 0) {
      this.#index++;
      this.#join.ignore();
      return;
    }
    const { unusable, labels } = this.attributes;
    if (name === '') {
      this.refuse('a metric must have a name');
      return;
    }
    if (timeMs === 0) {
      this.refuse('a data point must have timeUnixNano');
      return;
    }
    if (unusable !== undefined) {
      this.refuse(`attribute ${quoteValue(unusable)} must be text, a number or a boolean`);
      return;
    }
    const series = this.#mapper.seriesOf(labels, this.resource.labels.map);
    if (typeof series === 'string') {
      this.refuse(series);
      return;
    }
    const channels = endings.map((ending) => name + ending + series.suffix);
    this.#join.add(this.#index++, series.device, timeMs, channels, values);
  }
}
