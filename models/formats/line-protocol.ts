/** InfluxDB line protocol, as Telegraf and the clients of InfluxDB 1 and 2 send it. */
import { quoteValue } from '../domain/quote-value.js';
import { MAX_READING_CHANNELS } from '../domain/reading-parser.js';
import { RequestInvalidError } from '../errors.js';
import { LabelMapper, Labels, type LabelledSeries, type LabelMapping } from './label-mapping.js';
import { DECODE_LIMITS, ReadingJoin, type DecodedReadings, type DecodeLimits } from './reading-join.js';
import { unixMsFromText } from './unix-time.js';

/** Units of timestamps by the names that `precision` has in the APIs of version 2 (`ns us ms s`) and 1 (`n u ms s m h`). */
const PRECISIONS = {
  ns: { decimals: 6, factor: 1 },
  n: { decimals: 6, factor: 1 },
  us: { decimals: 3, factor: 1 },
  u: { decimals: 3, factor: 1 },
  ms: { decimals: 0, factor: 1 },
  s: { decimals: 0, factor: 1_000 },
  m: { decimals: 0, factor: 60_000 },
  h: { decimals: 0, factor: 3_600_000 },
} as const;

export type LinePrecision = keyof typeof PRECISIONS;

/**
 * What a tag of a device is called most often; `host` is on every line of Telegraf. Its inputs `disk` and `diskio` call a disk
 * `device`: where they send, say `host` alone.
 */
export const LINE_PROTOCOL_MAPPING: LabelMapping = { device: ['device', 'device_id', 'sensor', 'host'], leftOut: [] };

export interface LineProtocolOptions {
  /** Unix ms, the time of lines that have none. */
  readonly receivedMs: number;
  /** Unit of the timestamps. Default `ns`. */
  readonly precision?: LinePrecision | undefined;
  /**
   * Name of a channel before its suffix. `measurement_field` (default): both, joined by `_`, and the measurement alone where
   * the field is called `value` or like the measurement. `field`: the field alone; for senders whose measurements tell nothing
   * apart.
   */
  readonly channel?: 'measurement_field' | 'field' | undefined;
  /** Default `LINE_PROTOCOL_MAPPING`. */
  readonly mapping?: LabelMapping | undefined;
  readonly limits?: DecodeLimits | undefined;
}

/** @param text of the query; undefined is the default, ns. @throws RequestInvalidError */
export function parseLinePrecision(text: string | undefined): LinePrecision {
  if (text === undefined) return 'ns';
  if (Object.hasOwn(PRECISIONS, text)) return text as LinePrecision;
  const known = Object.keys(PRECISIONS).join(', ');
  throw new RequestInvalidError(`precision must be one of ${known}, got ${quoteValue(text)}`);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * A point is a line; blank lines and comments are none. Numbers and booleans (1 and 0) become values, text is left out; a line
 * of text alone is ignored. A line is taken as a whole or rejected as a whole.
 *
 * Integers beyond 2^53 become the nearest double. Of two equal tags neither is right: the line is rejected, as InfluxDB does.
 * A backslash before a backslash escapes it, as the reference says.
 *
 * Source: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
 *
 * @throws RequestInvalidError when the body is not UTF-8. @throws PayloadTooLargeError beyond the limits.
 */
export function decodeLineProtocol(body: Uint8Array, options: LineProtocolOptions): DecodedReadings {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch (error) {
    throw new RequestInvalidError('the body is not line protocol: it is not UTF-8 text', { cause: error });
  }
  return new LineReader(text, options).read();
}

const TAB = 0x09;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/** As in `csv-cells.ts`: no two runs of digits next to each other. */
const FLOAT = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const INTEGER = /^[+-]?\d+[iu]$/;
const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;
const MAX_UNSIGNED = 2n ** 64n - 1n;
/** Integers of so many digits are within every range; those of more than `MOST_DIGITS`, sign included, in none. */
const SAFE_DIGITS = 15;
const MOST_DIGITS = 20;

const BOOLEANS: ReadonlyMap<string, number> = new Map([
  ...['t', 'T', 'true', 'True', 'TRUE'].map((word) => [word, 1] as const),
  ...['f', 'F', 'false', 'False', 'FALSE'].map((word) => [word, 0] as const),
]);

/** What all lines with the same measurement and tags share. */
interface KnownSeries {
  readonly measurement: string;
  readonly names: LabelledSeries;
  readonly channels: Map<string, string>;
}

/** Why a line is refused; never leaves this file. */
class LineFault extends Error {}

class LineReader {
  readonly #text: string;
  readonly #join: ReadingJoin;
  readonly #mapper: LabelMapper;
  readonly #labels = new Labels();
  readonly #receivedMs: number;
  readonly #precision: LinePrecision;
  readonly #usesMeasurement: boolean;
  /** By measurement and tags as written: most requests hold many lines of few series. */
  readonly #series = new Map<string, KnownSeries | string>();
  readonly #channels: string[] = [];
  readonly #values: number[] = [];
  #at = 0;

  constructor(text: string, options: LineProtocolOptions) {
    this.#text = text;
    this.#join = new ReadingJoin(options.limits ?? DECODE_LIMITS);
    this.#mapper = new LabelMapper(options.mapping ?? LINE_PROTOCOL_MAPPING);
    this.#receivedMs = options.receivedMs;
    this.#precision = options.precision ?? 'ns';
    this.#usesMeasurement = options.channel !== 'field';
  }

  read(): DecodedReadings {
    let index = 0;
    while (this.#toLine()) {
      try {
        this.#readLine(index);
      } catch (error) {
        if (!(error instanceof LineFault)) throw error;
        this.#join.reject(index, error.message);
        this.#toLineEnd();
      }
      index++;
    }
    return this.#join.finish();
  }

  /** To the first character of the next line that is neither blank nor a comment. @returns false at the end of the text. */
  #toLine(): boolean {
    const text = this.#text;
    for (; this.#at < text.length; this.#at++) {
      const code = text.charCodeAt(this.#at);
      if (code === HASH) this.#toNewline();
      else if (code !== SPACE && code !== TAB && code !== NEWLINE && code !== CARRIAGE_RETURN) return true;
    }
    return false;
  }

  /** From within a line to its end. Texts are passed over: what stands between quotes is never taken for a line. */
  #toLineEnd(): void {
    for (; !isLineEnd(this.#codeAt(this.#at)); this.#at++) {
      if (this.#codeAt(this.#at) === EQUALS && this.#codeAt(this.#at + 1) === QUOTE) {
        this.#at = this.#closingQuote(this.#at + 1) ?? this.#at + 1;
      }
    }
  }

  #toNewline(): void {
    const newline = this.#text.indexOf('\n', this.#at);
    this.#at = newline === -1 ? this.#text.length : newline;
  }

  #readLine(index: number): void {
    const series = this.#readSeries();
    this.#readFields(typeof series === 'string' ? undefined : series);
    const timeMs = this.#readTime();
    if (typeof series === 'string') throw new LineFault(series);
    if (this.#channels.length === 0) this.#join.ignore();
    else this.#join.add(index, series.names.device, timeMs, this.#channels, this.#values);
  }

  /** @returns the series, or why it cannot be one of ours. @throws LineFault when it is no line. */
  #readSeries(): KnownSeries | string {
    const start = this.#at;
    this.#at = this.#endOf(start, false, false);
    if (this.#codeAt(this.#at) !== SPACE) throw new LineFault('a line must have fields after its measurement and tags');
    const key = this.#text.slice(start, this.#at);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = this.#parseSeries(start, this.#at);
      this.#series.set(key, series);
    }
    return series;
  }

  #parseSeries(start: number, end: number): KnownSeries | string {
    let at = this.#endOf(start, true, false);
    if (at === start) throw new LineFault('a line must begin with a measurement, got none');
    const measurement = unescapeMeasurement(this.#text.slice(start, at));
    this.#labels.clear();
    while (at < end) {
      const keyEnd = this.#endOf(at + 1, true, true);
      const valueEnd = this.#codeAt(keyEnd) === EQUALS ? this.#endOf(keyEnd + 1, true, true) : keyEnd;
      const isTag = keyEnd > at + 1 && valueEnd > keyEnd + 1 && this.#codeAt(valueEnd) !== EQUALS;
      if (!isTag) {
        throw new LineFault(
          `a tag must be key=value, got ${quoteValue(this.#text.slice(at + 1, Math.min(end, valueEnd)))}`,
        );
      }
      this.#labels.set(
        unescapeKey(this.#text.slice(at + 1, keyEnd)),
        unescapeKey(this.#text.slice(keyEnd + 1, valueEnd)),
      );
      at = valueEnd;
    }
    const names = this.#mapper.seriesOf(this.#labels);
    return typeof names === 'string' ? names : { measurement, names, channels: new Map() };
  }

  /** @param series undefined: its values go nowhere, but the line has to be read to find its end. */
  #readFields(series: KnownSeries | undefined): void {
    this.#channels.length = 0;
    this.#values.length = 0;
    this.#skipSpaces();
    for (;;) {
      const start = this.#at;
      this.#at = this.#endOf(start, true, true);
      if (this.#codeAt(this.#at) !== EQUALS || this.#at === start) {
        throw new LineFault(`a field must be key=value, got ${quoteValue(this.#text.slice(start, this.#at))}`);
      }
      const key = this.#text.slice(start, this.#at++);
      const value = this.#readValue(key);
      // One more than a reading may have is enough for it to be refused.
      if (value !== undefined && series !== undefined && this.#channels.length <= MAX_READING_CHANNELS) {
        this.#channels.push(this.#channelOf(series, key));
        this.#values.push(value);
      }
      if (this.#codeAt(this.#at) !== COMMA) return;
      this.#at++;
    }
  }

  /** @returns undefined for text. */
  #readValue(key: string): number | undefined {
    const start = this.#at;
    if (this.#codeAt(start) === QUOTE) {
      const end = this.#closingQuote(start);
      if (end === undefined) {
        throw new LineFault(`the text of field ${quoteValue(unescapeKey(key))} must end in a quote, got none`);
      }
      this.#at = end + 1;
      return undefined;
    }
    while (!isValueEnd(this.#codeAt(this.#at))) this.#at++;
    const word = this.#text.slice(start, this.#at);
    if (FLOAT.test(word)) return Number(word);
    const value = INTEGER.test(word) ? integerOf(word) : BOOLEANS.get(word);
    if (value !== undefined) return value;
    throw new LineFault(
      `field ${quoteValue(unescapeKey(key))} must be a number, a boolean or text in quotes, got ${quoteValue(word)}`,
    );
  }

  /**
   * Where the text that begins with the quote at `start` ends; undefined: nowhere. Looking for it in vain happens once: a second
   * text that is never closed would have closed the first one.
   */
  #closingQuote(start: number): number | undefined {
    for (let at = start + 1; at < this.#text.length; at++) {
      const code = this.#codeAt(at);
      if (code === QUOTE) return at;
      if (code === BACKSLASH) at++;
    }
    return undefined;
  }

  #readTime(): number {
    this.#skipSpaces();
    const start = this.#at;
    while (!isSpaceOrEnd(this.#codeAt(this.#at))) this.#at++;
    const word = this.#text.slice(start, this.#at);
    this.#skipSpaces();
    if (this.#codeAt(this.#at) === CARRIAGE_RETURN) this.#at++;
    if (!isLineEnd(this.#codeAt(this.#at))) {
      this.#toLineEnd();
      throw new LineFault(
        `a line must end after its timestamp, got ${quoteValue(this.#text.slice(start, this.#at).trimEnd())}`,
      );
    }
    if (word === '') return this.#receivedMs;
    const { decimals, factor } = PRECISIONS[this.#precision];
    const timeMs = unixMsFromText(word, decimals) * factor;
    if (Number.isNaN(timeMs)) throw new LineFault(`the timestamp must be a whole number, got ${quoteValue(word)}`);
    return timeMs;
  }

  #channelOf(series: KnownSeries, key: string): string {
    let channel = series.channels.get(key);
    if (channel === undefined) {
      channel = this.#fieldName(series.measurement, unescapeKey(key)) + series.names.suffix;
      series.channels.set(key, channel);
    }
    return channel;
  }

  #fieldName(measurement: string, field: string): string {
    if (!this.#usesMeasurement) return field;
    return field === 'value' || field === measurement ? measurement : `${measurement}_${field}`;
  }

  /** Position of the first space or line end from `at` on that is not escaped; or, if asked for, comma or equals sign. */
  #endOf(at: number, stopsAtComma: boolean, stopsAtEquals: boolean): number {
    for (; ; at++) {
      const code = this.#codeAt(at);
      if (code === BACKSLASH && !isLineEnd(this.#codeAt(at + 1))) at++;
      else if (code === SPACE || isLineEnd(code)) return at;
      else if ((stopsAtComma && code === COMMA) || (stopsAtEquals && code === EQUALS)) return at;
    }
  }

  #skipSpaces(): void {
    while (this.#codeAt(this.#at) === SPACE) this.#at++;
  }

  /** NaN at the end of the text. */
  #codeAt(at: number): number {
    return this.#text.charCodeAt(at);
  }
}

const isLineEnd = (code: number): boolean => code === NEWLINE || Number.isNaN(code);
const isSpaceOrEnd = (code: number): boolean => code === SPACE || code === CARRIAGE_RETURN || isLineEnd(code);
const isValueEnd = (code: number): boolean => code === COMMA || isSpaceOrEnd(code);

const unescapeMeasurement = (text: string): string => (text.includes('\\') ? text.replace(/\\([\\, ])/g, '$1') : text);
const unescapeKey = (text: string): string => (text.includes('\\') ? text.replace(/\\([\\,= ])/g, '$1') : text);

/** @returns undefined when it does not fit into 64 bits. */
function integerOf(word: string): number | undefined {
  const digits = word.slice(0, -1);
  const isUnsigned = word.endsWith('u');
  if (digits.length <= SAFE_DIGITS && !(isUnsigned && digits.startsWith('-'))) return Number(digits);
  if (digits.length > MOST_DIGITS) return undefined;
  const exact = BigInt(digits.startsWith('+') ? digits.slice(1) : digits);
  const isWithin = isUnsigned ? exact >= 0n && exact <= MAX_UNSIGNED : exact >= MIN_INTEGER && exact <= MAX_INTEGER;
  return isWithin ? Number(exact) : undefined;
}
