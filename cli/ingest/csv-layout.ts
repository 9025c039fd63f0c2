/** Which column of a CSV file is what, decided from its header alone. */
import { isChannelName } from '../../models/domain/identity.js';
import { MAX_READING_CHANNELS } from '../../models/domain/reading-parser.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';

/** Names that mean the time of a reading, best first. */
export const TIME_COLUMNS = ['timestamp', 'time', 'ts', 'date', 'datetime', '_time'] as const;

export interface CsvLayoutOptions {
  /** Name of the time column; without it one of `TIME_COLUMNS`, in any case. */
  readonly timeColumn?: string | undefined;
  readonly deviceColumn?: string | undefined;
  /** Columns that become channels; without it all others. */
  readonly channelColumns?: readonly string[] | undefined;
}

export interface CsvLayout {
  readonly timeIndex: number;
  readonly deviceIndex: number | undefined;
  /** In the order in which a JSON object lists them, so that every way into the system sees one order of channels. */
  readonly channels: readonly { readonly index: number; readonly name: string }[];
  /** What had to be changed, in words: columns left out or renamed. */
  readonly notes: readonly string[];
}

/** @throws CommandFailure (usage) when the header has no such columns, or none that can be a channel. */
export function csvLayout(header: readonly string[], options: CsvLayoutOptions): CsvLayout {
  const names = header.map((name) => name.trim());
  const timeIndex = options.timeColumn === undefined ? guessTime(names) : find(names, options.timeColumn, '--time');
  const deviceIndex =
    options.deviceColumn === undefined ? undefined : find(names, options.deviceColumn, '--device-column');
  const wanted = options.channelColumns?.map((name) => find(names, name, '--channels'));
  const notes: string[] = [];
  const taken = new Map<string, number>();
  names.forEach((name, index) => {
    if (index === timeIndex || index === deviceIndex || (wanted !== undefined && !wanted.includes(index))) return;
    if (name === '') {
      notes.push(`column ${index + 1} has no name and is left out`);
      return;
    }
    const channel = freeName(channelName(name), taken);
    if (channel !== name) notes.push(`column ${JSON.stringify(name)} becomes channel ${JSON.stringify(channel)}`);
    taken.set(channel, index);
  });
  if (taken.size < 1 || taken.size > MAX_READING_CHANNELS) {
    throw new CommandFailure(
      ExitCode.usage,
      `a file needs 1 to ${MAX_READING_CHANNELS} columns besides the time, got ${taken.size}; choose with --channels A,B`,
    );
  }
  const order = Object.keys(Object.fromEntries(taken));
  return { timeIndex, deviceIndex, channels: order.map((name) => ({ index: taken.get(name)!, name })), notes };
}

function guessTime(names: readonly string[]): number {
  for (const known of TIME_COLUMNS) {
    const index = names.findIndex((name) => name.toLowerCase() === known);
    if (index >= 0) return index;
  }
  throw new CommandFailure(
    ExitCode.usage,
    `no time column: none of ${TIME_COLUMNS.join(', ')} is in the header (${listed(names)}); name it with --time COLUMN`,
  );
}

function find(names: readonly string[], name: string, option: string): number {
  const index = names.indexOf(name);
  if (index >= 0) return index;
  throw new CommandFailure(ExitCode.usage, `${option} ${name}: no such column, there are ${listed(names)}`);
}

function listed(names: readonly string[]): string {
  return names.slice(0, 20).join(', ') + (names.length > 20 ? ', …' : '');
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
