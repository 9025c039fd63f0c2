/**
 * Readers turn what people write (text in the environment, text, numbers and booleans in YAML) into typed values.
 * Each says in words what it expects; the same words go into error messages and into `docs/configuration.md`.
 */
import { suggestion } from './nearest-name.js';

export interface Reader<T> {
  /** What is accepted, as it follows "must be": `an integer from 0 to 65535`. */
  readonly expects: string;
  /** @returns undefined when `raw` is not that. */
  readonly read: (raw: unknown) => T | undefined;
  /** An addition to the message for this value, for example a near name. */
  readonly hint?: (raw: unknown) => string;
}

const WORDS_FOR_TRUE = ['true', '1', 'yes', 'on'];
const WORDS_FOR_FALSE = ['false', '0', 'no', 'off'];

export function integer(min: number, max: number): Reader<number> {
  return { expects: `an integer from ${min} to ${max}`, read: (raw) => numberIn(raw, /^[+-]?\d+$/, min, max, true) };
}

export function decimal(min: number, max: number): Reader<number> {
  return {
    expects: `a number from ${min} to ${max}`,
    read: (raw) => numberIn(raw, /^[+-]?\d+(\.\d+)?$/, min, max, false),
  };
}

export const boolean: Reader<boolean> = {
  expects: 'true, false, 1, 0, yes, no, on or off',
  read: (raw) => {
    const word = wordOf(raw);
    if (word === undefined) return undefined;
    if (WORDS_FOR_TRUE.includes(word)) return true;
    return WORDS_FOR_FALSE.includes(word) ? false : undefined;
  },
};

export function oneOf<const T extends string>(words: readonly T[]): Reader<T> {
  return {
    expects: `one of ${words.join(', ')}`,
    read: (raw) => words.find((known) => known === wordOf(raw)),
    hint: (raw) => (typeof raw === 'string' ? suggestion(raw, words) : ''),
  };
}

export function oneOfNumbers(numbers: readonly number[]): Reader<number> {
  return {
    expects: `one of ${numbers.join(', ')}`,
    read: (raw) => numbers.find((known) => String(known) === wordOf(raw)),
  };
}

/** @param pattern anchored. @param expects as it follows "must be". */
export function matching(pattern: RegExp, expects: string): Reader<string> {
  return { expects, read: (raw) => (typeof raw === 'string' && pattern.test(raw.trim()) ? raw.trim() : undefined) };
}

/** A switch that is written as a word in the environment and as a boolean in the file. */
export const onOrOff: Reader<'on' | 'off'> = {
  expects: 'on or off',
  read: (raw) => {
    const value = boolean.read(raw);
    return value === undefined ? undefined : value ? 'on' : 'off';
  },
};

/** Names divided by commas, or a YAML list. Keeps the order of `words`, without doubles. */
export function someOf<const T extends string>(words: readonly T[]): Reader<readonly T[]> {
  const parts = (raw: unknown): readonly string[] => {
    const list: readonly unknown[] = Array.isArray(raw) ? raw : typeof raw === 'string' ? raw.split(',') : [raw];
    return list.map((part) => wordOf(part) ?? '').filter((part) => part !== '');
  };
  return {
    expects: `one or more of ${words.join(', ')}, divided by commas`,
    read: (raw) => {
      const named = parts(raw);
      if (named.length === 0 || named.some((name) => !words.some((word) => word === name))) return undefined;
      return words.filter((word) => named.includes(word));
    },
    hint: (raw) => {
      const unknown = parts(raw).find((name) => !words.some((word) => word === name));
      return unknown === undefined ? '' : `: "${unknown}" is not one of them${suggestion(unknown, words)}`;
    },
  };
}

/** One name or address to listen on: never a URL, never a port. */
export const host: Reader<string> = {
  expects: 'an IP address or a host name',
  read: (raw) => (typeof raw === 'string' && /^[A-Za-z0-9_.:-]{1,253}$/.test(raw.trim()) ? raw.trim() : undefined),
};

/** What somebody has called something, without anything that means something elsewhere. */
export const name: Reader<string> = {
  expects: 'a name of 1 to 64 letters, digits, -, _ or .',
  read: (raw) => (typeof raw === 'string' && /^[A-Za-z0-9_.-]{1,64}$/.test(raw.trim()) ? raw.trim() : undefined),
};

export const path: Reader<string> = {
  expects: 'a path',
  read: (raw) => (typeof raw === 'string' && raw.trim() !== '' && !raw.includes('\0') ? raw : undefined),
};

/** Visible text without spaces, such as the name of an issuer, which mostly is a URL. */
export const word: Reader<string> = {
  expects: '1 to 512 visible characters without spaces',
  read: (raw) => (typeof raw === 'string' && /^[\x21-\x7e]{1,512}$/.test(raw.trim()) ? raw.trim() : undefined),
};

/** Words divided by commas, or a YAML list; may be empty. */
export const words: Reader<readonly string[]> = {
  expects: 'words without spaces, divided by commas',
  read: (raw) => {
    const list: readonly unknown[] = Array.isArray(raw) ? raw : typeof raw === 'string' ? raw.split(',') : [raw];
    const found = list.map((part) => (typeof part === 'string' ? part.trim() : ' ')).filter((part) => part !== '');
    return found.length <= 64 && found.every((part) => /^[\x21-\x7e]{1,128}$/.test(part)) ? found : undefined;
  },
};

/** Web origins (RFC 6454): scheme, host and port, and nothing else. */
export const origins: Reader<readonly string[]> = {
  expects: 'origins such as https://plant.example, divided by commas',
  read: (raw) => {
    const list: readonly unknown[] = Array.isArray(raw) ? raw : typeof raw === 'string' ? raw.split(',') : [raw];
    const found = list.map((part) => (typeof part === 'string' ? part.trim() : ''));
    const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text;
    return found.length > 0 && found.every(isOrigin) ? found : undefined;
  },
};

/** Text that nobody guesses. What it is stays out of messages. */
export function secret(leastCharacters: number): Reader<string> {
  return {
    expects: `at least ${leastCharacters} characters`,
    read: (raw) => (typeof raw === 'string' && raw.length >= leastCharacters ? raw : undefined),
  };
}

/** One URL, or several divided by commas, each of one of these schemes and with a host. */
export function urls(...schemes: readonly string[]): Reader<string> {
  return {
    expects: `a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    read: (raw) => {
      if (typeof raw !== 'string') return undefined;
      const fits = (text: string): boolean => {
        const scheme = /^([a-z]+):\/\/[^/\s]+/.exec(text)?.[1];
        return scheme !== undefined && schemes.includes(scheme);
      };
      return raw.split(',').every((part) => fits(part.trim())) ? raw : undefined;
    },
  };
}

function wordOf(raw: unknown): string | undefined {
  if (typeof raw === 'string') return raw.trim().toLowerCase();
  return typeof raw === 'boolean' || typeof raw === 'number' ? String(raw) : undefined;
}

function numberIn(raw: unknown, pattern: RegExp, min: number, max: number, whole: boolean): number | undefined {
  let value = NaN;
  if (typeof raw === 'number') value = raw;
  else if (typeof raw === 'string' && pattern.test(raw.trim())) value = Number(raw);
  if (!(value >= min && value <= max)) return undefined;
  return whole && !Number.isInteger(value) ? undefined : value;
}
