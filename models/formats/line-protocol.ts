/**
 * InfluxDB line protocol: `measurement,tag=value field=1.5,other=2i 1767225600000000000`.
 *
 * The channel is `measurement.field`, or the measurement alone for a field called `value`. Text fields are left out, as they measure
 * nothing; a line that has no others is refused. Booleans are 1 and 0.
 *
 * Source  docs.influxdata.com, line protocol reference (v2)
 */
import { quoteValue } from '../domain/quote-value.js';
import { END_TIME_MS } from '../domain/timestamp.js';
import { nameOf, type LabelNames } from './label-names.js';
import type { PointSink } from './joined-readings.js';

/** Units of a timestamp, as versions 1 and 2 name them, in ms. */
const UNITS: Readonly<Record<string, readonly [times: number, by: number]>> = {
  ns: [1, 1_000_000],
  n: [1, 1_000_000],
  us: [1, 1_000],
  u: [1, 1_000],
  ms: [1, 1],
  s: [1_000, 1],
  m: [60_000, 1],
  h: [3_600_000, 1],
};
export const PRECISIONS = Object.keys(UNITS);

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INTEGER = /^([+-]?\d+)[iu]$/;
const TIME = /^-?\d{1,20}$/;
const TRUE = new Set(['t', 'T', 'true', 'True', 'TRUE']);
const FALSE = new Set(['f', 'F', 'false', 'False', 'FALSE']);

export interface LineProtocolOptions {
  /** One of `PRECISIONS`. */
  readonly precision: string;
  /** Unix ms for lines without a time. */
  readonly nowMs: number;
  readonly names: LabelNames;
}

/** @param text any number of lines; those that are blank or begin with # are passed over and not counted */
export function readLineProtocol(text: string, options: LineProtocolOptions, sink: PointSink): void {
  const scanner = new Scanner(text);
  let index = 0;
  while (scanner.nextLine()) {
    const { line } = scanner;
    const reason = readLine(scanner, index, options, sink);
    if (reason !== undefined) sink.reject(index, `line ${line}: ${reason}`);
    scanner.skipLine();
    index++;
  }
}

/** @returns why the line is none; fields before that are not taken either */
function readLine(
  scanner: Scanner,
  index: number,
  { precision, nowMs, names }: LineProtocolOptions,
  sink: PointSink,
): string | undefined {
  const measurement = scanner.key(', ');
  if (measurement === '') return 'a measurement is missing before the first comma or space';
  const tags = new Map<string, string>();
  while (scanner.take(',')) {
    const name = scanner.key('=, ');
    if (name === '' || !scanner.take('=')) return 'a tag must be name=value';
    const value = scanner.key(', ');
    if (value === '') return `the tag ${quoteValue(name)} must have a value`;
    tags.set(name, value);
  }
  if (!scanner.take(' ')) return 'fields are missing: measurement,tag=value field=1.5 time';
  scanner.skipSpaces();
  const fields: [name: string, value: number][] = [];
  let texts = 0;
  do {
    const name = scanner.key('=, ');
    if (name === '' || !scanner.take('=')) return 'a field must be name=value';
    const value = scanner.take('"') ? scanner.quoted() : fieldValue(scanner.word());
    if (value === undefined) return `the field ${quoteValue(name)} must be a number, a boolean or text in quotes`;
    if (typeof value === 'number') fields.push([name, value]);
    else texts++;
  } while (scanner.take(','));
  scanner.skipSpaces();
  const timeMs = timeOf(scanner.word(), precision, nowMs);
  scanner.skipSpaces();
  if (typeof timeMs === 'string') return timeMs;
  if (!scanner.isAtEnd) return `the line must end after its time, got ${quoteValue(scanner.word())}`;
  if (fields.length === 0) return texts > 0 ? 'it has text fields alone, and nothing is measured' : 'it has no field';
  const named: [device: string, channel: string, value: number][] = [];
  for (const [field, value] of fields) {
    const name = nameOf(field === 'value' ? measurement : `${measurement}.${field}`, tags, names);
    if (typeof name === 'string') return name;
    named.push([name.device, name.channel, value]);
  }
  for (const [device, channel, value] of named) sink.add(index, device, timeMs, channel, value);
  return undefined;
}

function fieldValue(word: string): number | undefined {
  if (NUMBER.test(word)) return Number(word);
  const integer = INTEGER.exec(word)?.[1];
  if (integer !== undefined) return Number(integer);
  if (TRUE.has(word)) return 1;
  return FALSE.has(word) ? 0 : undefined;
}

/** @returns Unix ms with a fraction down to µs, or why it is no time */
function timeOf(word: string, precision: string, nowMs: number): number | string {
  if (word === '') return nowMs;
  if (!TIME.test(word)) return `the time must be a whole number of ${precision}, got ${quoteValue(word)}`;
  const [times, by] = UNITS[precision]!;
  // Nanoseconds since 1970 have more digits than a number holds: what is below a µs is cut off as text.
  const timeMs = by === 1_000_000 ? Number(word.slice(0, -3) || '0') / 1_000 : (Number(word) * times) / by;
  if (timeMs >= 0 && timeMs < END_TIME_MS) return timeMs + 0;
  return `the time must be in the years 1970 to 9999, got ${word} ${precision}`;
}

/** Reads one line after the other, with its escapes. Text in quotes may hold line ends. */
class Scanner {
  readonly #text: string;
  #at = 0;
  /** From 1. */
  line = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Moves to the next line that has something in it. */
  nextLine(): boolean {
    while (this.#at < this.#text.length) {
      this.line++;
      this.skipSpaces();
      const first = this.#text[this.#at];
      if (first !== undefined && first !== '\n' && first !== '#' && first !== '\r') return true;
      this.skipLine();
    }
    return false;
  }

  skipLine(): void {
    const end = this.#text.indexOf('\n', this.#at);
    this.#at = end < 0 ? this.#text.length : end + 1;
  }

  skipSpaces(): void {
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at++;
  }

  take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  get isAtEnd(): boolean {
    const next = this.#text[this.#at];
    return next === undefined || next === '\n' || next === '\r';
  }

  /** A name up to one of `ends` or the end of the line. A backslash before a comma, space or = takes away its meaning. */
  key(ends: string): string {
    let key = '';
    for (; !this.isAtEnd; this.#at++) {
      const next = this.#text[this.#at]!;
      const after = this.#text[this.#at + 1];
      if (next === '\\' && (after === ',' || after === ' ' || after === '=')) {
        key += after;
        this.#at++;
      } else if (ends.includes(next)) break;
      else key += next;
    }
    return key;
  }

  /** Up to a comma, space or the end of the line. */
  word(): string {
    const from = this.#at;
    while (!this.isAtEnd && this.#text[this.#at] !== ',' && this.#text[this.#at] !== ' ') this.#at++;
    return this.#text.slice(from, this.#at);
  }

  /** What stands in quotes; the first one is taken. Undefined where the second is missing. */
  quoted(): string | undefined {
    const from = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const next = this.#text[this.#at];
      if (next === '\\') this.#at++;
      else if (next === '\n') this.line++;
      else if (next === '"') return this.#text.slice(from, this.#at++);
    }
    return undefined;
  }
}
