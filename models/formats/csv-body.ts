/** CSV as the body of a request: wide (time, device, a column a channel) or long (time, device, channel, value). */
import { CsvError, parse } from 'csv-parse/sync';
import { DEVICE_ID_WORDS, isDeviceId } from '../domain/identity.js';
import { quoteValue } from '../domain/quote-value.js';
import { RequestInvalidError } from '../errors.js';
import { cellProblem, parseCell, recordProblem } from './csv-cells.js';
import {
  columnOf,
  CSV_QUERY_NAMES,
  csvDelimiter,
  csvLayout,
  timeColumn,
  type CsvLayout,
  type CsvLayoutOptions,
} from './csv-layout.js';
import { channelProblem, DECODE_LIMITS, ReadingJoin, type DecodedReadings, type DecodeLimits } from './reading-join.js';
import { parseSourceTime } from './source-time.js';

export interface CsvOptions extends CsvLayoutOptions {
  /** Device of all rows. Without it and `deviceColumn`, the column `device` names it. */
  readonly device?: string | undefined;
  readonly limits?: DecodeLimits | undefined;
}

export interface CsvDecodedReadings extends DecodedReadings {
  /** What had to be changed of the header, in words: columns left out or renamed. */
  readonly notes: readonly string[];
}

const DEVICE_COLUMN = 'device';
const CHANNEL_COLUMN = 'channel';
const VALUE_COLUMN = 'value';
/** A line that is longer is no row of numbers. */
const MAX_LINE_CHARACTERS = 1_048_576;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * A point is a row; the header and blank lines are none. A file is long when it has the columns `channel` and `value` and
 * `channelColumns` is not given. Cells that say "no value" are left out; a row of them alone is ignored.
 *
 * @throws RequestInvalidError when the body is no CSV, has no rows, or its header lacks a column. @throws PayloadTooLargeError
 *   beyond the limits.
 */
export function decodeCsv(body: Uint8Array, options: CsvOptions = {}): CsvDecodedReadings {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch (error) {
    throw new RequestInvalidError('the body is not CSV: it is not UTF-8 text', { cause: error });
  }
  requireShortLines(text);
  const reader = new CsvReader(options);
  try {
    parse(text, {
      delimiter: csvDelimiter(text),
      relax_column_count: true,
      skip_empty_lines: true,
      // Of rows over several lines, which quotes can make.
      max_record_size: MAX_LINE_CHARACTERS,
      // Nothing is kept: a row is read where it is found.
      on_record: (record: string[]) => {
        reader.read(record);
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new RequestInvalidError(`the body is not readable as CSV: ${error.message}`, { cause: error });
  }
  return reader.finish();
}

/** The parser counts characters of cells alone: a line of commas would become a list of millions. */
function requireShortLines(text: string): void {
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x0a || code === 0x0d) start = at + 1;
    else if (at - start === MAX_LINE_CHARACTERS) {
      throw new RequestInvalidError(`a line of CSV must have at most ${MAX_LINE_CHARACTERS} characters, got more`);
    }
  }
}

/** Reads the cells of one row, and says why it is no point. */
type RowReader = (record: readonly string[], channels: string[], values: number[]) => string | undefined;

class CsvReader {
  readonly #options: CsvOptions;
  readonly #join: ReadingJoin;
  #header: readonly string[] | undefined;
  #timeIndex = 0;
  #deviceIndex: number | undefined;
  #readRow: RowReader = () => undefined;
  #notes: readonly string[] = [];
  #index = 0;
  readonly #channels: string[] = [];
  readonly #values: number[] = [];

  constructor(options: CsvOptions) {
    this.#options = options;
    this.#join = new ReadingJoin(options.limits ?? DECODE_LIMITS);
  }

  read(record: readonly string[]): void {
    if (this.#header === undefined) this.#begin(record);
    else this.#take(record, this.#header.length);
  }

  finish(): CsvDecodedReadings {
    if (this.#header === undefined) throw new RequestInvalidError('the body is empty: a header row was expected');
    if (this.#index === 0) throw new RequestInvalidError('the body has a header and no rows');
    return { ...this.#join.finish(), notes: this.#notes };
  }

  #begin(header: readonly string[]): void {
    this.#header = header;
    const names = header.map((name) => name.trim());
    const { device, deviceColumn, channelColumns, optionNames = CSV_QUERY_NAMES } = this.#options;
    const isLong = channelColumns === undefined && names.includes(CHANNEL_COLUMN) && names.includes(VALUE_COLUMN);
    const isNamed = device === undefined && deviceColumn === undefined && names.includes(DEVICE_COLUMN);
    const deviceName = isNamed ? DEVICE_COLUMN : deviceColumn;
    if (deviceName === undefined && device === undefined) {
      throw new RequestInvalidError(`no device: give ${optionNames.device}, or a column ${DEVICE_COLUMN}`);
    }
    if (isLong) {
      this.#timeIndex = timeColumn(names, this.#options.timeColumn, optionNames.time);
      this.#deviceIndex = deviceName === undefined ? undefined : columnOf(names, deviceName, optionNames.device);
      this.#readRow = longRows(names.indexOf(CHANNEL_COLUMN), names.indexOf(VALUE_COLUMN));
      return;
    }
    const layout = csvLayout(header, { ...this.#options, deviceColumn: deviceName });
    this.#timeIndex = layout.timeIndex;
    this.#deviceIndex = layout.deviceIndex;
    this.#notes = layout.notes;
    this.#readRow = wideRows(layout.channels);
  }

  #take(record: readonly string[], headerCells: number): void {
    const index = this.#index++;
    const device = this.#deviceIndex === undefined ? this.#options.device! : (record[this.#deviceIndex] ?? '').trim();
    const timeMs = parseSourceTime(record[this.#timeIndex] ?? '');
    this.#channels.length = 0;
    this.#values.length = 0;
    const problem =
      recordProblem(record, headerCells) ??
      (isDeviceId(device) ? undefined : `device must be ${DEVICE_ID_WORDS}, got ${quoteValue(device)}`) ??
      (typeof timeMs === 'string' ? `timestamp ${timeMs}` : undefined) ??
      this.#readRow(record, this.#channels, this.#values);
    if (problem !== undefined) this.#join.reject(index, problem);
    else if (this.#channels.length === 0) this.#join.ignore();
    else this.#join.add(index, device, timeMs as number, this.#channels, this.#values);
  }
}

function wideRows(columns: CsvLayout['channels']): RowReader {
  return (record, channels, values) => {
    for (const { index, name } of columns) {
      const problem = readCell(name, record[index] ?? '', channels, values);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

function longRows(channelIndex: number, valueIndex: number): RowReader {
  return (record, channels, values) => {
    const channel = (record[channelIndex] ?? '').trim();
    return channelProblem(channel) ?? readCell(channel, record[valueIndex] ?? '', channels, values);
  };
}

function readCell(channel: string, cell: string, channels: string[], values: number[]): string | undefined {
  const value = parseCell(cell);
  if (value === undefined) return cellProblem(channel, cell);
  if (Number.isNaN(value)) return undefined;
  channels.push(channel);
  values.push(value);
  return undefined;
}
