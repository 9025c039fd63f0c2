/** Which column of a CSV file is what, decided from its header alone. */
import { isChannelName } from '../domain/identity.js';
import { quoteValue } from '../domain/quote-value.js';
import { MAX_READING_CHANNELS } from '../domain/reading-parser.js';
import { RequestInvalidError } from '../errors.js';

/** Names that mean the time of a reading, best first. */
export const TIME_COLUMNS = ['timestamp', 'time', 'ts', 'date', 'datetime', '_time'] as const;

const DELIMITERS = [',', ';', '\t', '|'] as const;

/** The delimiter of a file: the most frequent one of its first line. @param head its beginning, at least its first line. */
export function csvDelimiter(head: string): string {
  const firstLine = head.split(/\r?\n/, 1)[0] ?? '';
  return DELIMITERS.reduce((best, candidate) =>
    firstLine.split(candidate).length > firstLine.split(best).length ? candidate : best,
  );
}

export interface CsvLayoutOptions {
  /** Name of the time column; without it one of `TIME_COLUMNS`, in any case. */
  readonly timeColumn?: string | undefined;
  readonly deviceColumn?: string | undefined;
  /** Columns that become channels; without it all others. */
  readonly channelColumns?: readonly string[] | undefined;
  /** What the options above are called where they are given, for messages. Default as in a query. */
  readonly optionNames?: CsvOptionNames | undefined;
}

export interface CsvOptionNames {
  readonly time: string;
  readonly device: string;
  readonly channels: string;
}

export const CSV_QUERY_NAMES: CsvOptionNames = { time: 'time', device: 'device_column', channels: 'channels' };

export interface CsvLayout {
  readonly timeIndex: number;
  readonly deviceIndex: number | undefined;
  /** In the order in which a JSON object lists them, so that every way into the system sees one order of channels. */
  readonly channels: readonly { readonly index: number; readonly name: string }[];
  /** What had to be changed, in words: columns left out or renamed. */
  readonly notes: readonly string[];
}

/** @throws RequestInvalidError when the header has no such columns, or none that can be a channel. */
export function csvLayout(header: readonly string[], options: CsvLayoutOptions): CsvLayout {
  const { optionNames = CSV_QUERY_NAMES } = options;
  const names = header.map((name) => name.trim());
  const timeIndex = timeColumn(names, options.timeColumn, optionNames.time);
  const deviceIndex =
    options.deviceColumn === undefined ? undefined : columnOf(names, options.deviceColumn, optionNames.device);
  const wanted = options.channelColumns?.map((name) => columnOf(names, name, optionNames.channels));
  const isAsked = (index: number): boolean =>
    index !== timeIndex && index !== deviceIndex && (wanted === undefined || wanted.includes(index));
  // Before names are made unique, which takes longer the more of them are alike.
  const count = names.filter((name, index) => name !== '' && isAsked(index)).length;
  if (count < 1 || count > MAX_READING_CHANNELS) {
    throw new RequestInvalidError(
      `a file needs 1 to ${MAX_READING_CHANNELS} columns besides the time, got ${count}; choose with ${optionNames.channels} A,B`,
    );
  }
  const notes: string[] = [];
  const taken = new Map<string, number>();
  names.forEach((name, index) => {
    if (!isAsked(index)) return;
    if (name === '') {
      notes.push(`column ${index + 1} has no name and is left out`);
      return;
    }
    const channel = freeName(channelName(name), taken);
    if (channel !== name) notes.push(`column ${quoteValue(name)} becomes channel ${quoteValue(channel)}`);
    taken.set(channel, index);
  });
  const order = Object.keys(Object.fromEntries(taken));
  return { timeIndex, deviceIndex, channels: order.map((name) => ({ index: taken.get(name)!, name })), notes };
}

/** Index of the time column. @param name undefined: one of `TIME_COLUMNS`. @throws RequestInvalidError when there is none. */
export function timeColumn(names: readonly string[], name: string | undefined, option: string): number {
  if (name !== undefined) return columnOf(names, name, option);
  for (const known of TIME_COLUMNS) {
    const index = names.findIndex((candidate) => candidate.toLowerCase() === known);
    if (index >= 0) return index;
  }
  throw new RequestInvalidError(
    `no time column: none of ${TIME_COLUMNS.join(', ')} is in the header (${listed(names)}); name it with ${option} COLUMN`,
  );
}

/** Index of the column `name`. @throws RequestInvalidError when there is none. */
export function columnOf(names: readonly string[], name: string, option: string): number {
  const index = names.indexOf(name);
  if (index >= 0) return index;
  throw new RequestInvalidError(`${option} ${shown(name)}: no such column, there are ${listed(names)}`);
}

/** As in quotes, without them. */
const shown = (name: string): string => quoteValue(name).slice(1, -1);

function listed(names: readonly string[]): string {
  return names.slice(0, 20).map(shown).join(', ') + (names.length > 20 ? ', …' : '');
}

function channelName(name: string): string {
  const cut = name.slice(0, 64);
  if (isChannelName(cut)) return cut;
  const cleaned = cut.replace(/[^A-Za-z0-9_\-.:@/ %[\]()°µ²³]/gu, '_');
  return isChannelName(cleaned) ? cleaned : `_${cleaned.slice(0, 63)}`;
}

function freeName(name: string, taken: ReadonlyMap<string, number>): string {
  if (!taken.has(name)) return name;
  for (let n = 2; ; n++) {
    const next = `${name.slice(0, 58)}_${n}`;
    if (!taken.has(next)) return next;
  }
}
