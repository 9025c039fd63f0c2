/** Options that several commands share, and readers of option values. */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { InvalidArgumentError } from 'commander';
import { loadSettings, type Settings } from '../models/settings.js';
import { ApiClient, type ClientOptions } from './client.js';
import { parseSourceTime } from '../models/formats/source-time.js';
import type { Terminal } from './terminal/terminal.js';

export const DEFAULT_URL = 'http://127.0.0.1:8080';

/** Every command has these. */
export interface GlobalOptions {
  readonly url?: string;
  readonly key?: string;
  readonly json?: boolean;
}

export function clientFor(
  terminal: Terminal,
  options: GlobalOptions,
  more: Pick<ClientOptions, 'requestTimeoutMs' | 'retryForMs'> = {},
): ApiClient {
  return new ApiClient({
    url: options.url ?? nonEmpty(terminal.env['REDSHANK_URL']) ?? DEFAULT_URL,
    key: keyOf(terminal, options),
    signal: terminal.signal,
    ...more,
  });
}

export function keyOf({ env }: Terminal, { key }: GlobalOptions): string | undefined {
  return key ?? nonEmpty(env['REDSHANK_API_KEY']);
}

/**
 * Settings of this process from flags, environment and file.
 *
 * @param configFile path; without it `CONFIG_FILE` of the environment.
 * @param defaults what the command wants where none of them says otherwise.
 * @throws SettingInvalidError with all faults; Error of the file system when the named file cannot be read.
 */
export async function settingsFor(
  terminal: Terminal,
  configFile: string | undefined,
  flags: Readonly<Record<string, string | undefined>> = {},
  defaults: Readonly<Record<string, string>> = {},
): Promise<Settings> {
  const path = configFile ?? nonEmpty(terminal.env['CONFIG_FILE']);
  const cores = availableParallelism();
  const input = { env: terminal.env, flags, defaults, cores };
  return loadSettings(path === undefined ? input : { ...input, file: { path, text: await readFile(path, 'utf8') } });
}

const UNITS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000 };

/** How long ago (`14d`, `12h`, `30m`), or a date. @returns Unix ms */
export function since(text: string): number {
  const ago = /^(\d{1,6})([dhm])$/.exec(text);
  if (ago !== null) return Date.now() - Number(ago[1]) * UNITS[ago[2]!]!;
  const time = parseSourceTime(text);
  if (typeof time === 'number') return time;
  throw new InvalidArgumentError('It must be like 14d, 12h, 30m, or a date.');
}

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** A number over 0, at most `max`. */
export function positiveNumber(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value > 0 && value <= max) return value;
    throw new InvalidArgumentError(`It must be a number over 0, at most ${max}.`);
  };
}

/** Names divided by commas. */
export function nameList(text: string): readonly string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) throw new InvalidArgumentError('It must hold at least one name.');
  return names;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text;
}
