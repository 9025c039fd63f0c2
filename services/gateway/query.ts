/** Query parameters: every one is known and sound, or the request is refused and told which are not. */
import { isDeviceId } from '../../models/domain/identity.js';
import { quoteValue } from '../../models/domain/quote-value.js';
import { parseTimestamp } from '../../models/domain/timestamp.js';
import { RequestInvalidError } from '../../models/errors.js';

/** Reads one parameter's text. @throws RequestInvalidError with a message that begins with `name`. */
export type ParameterReader<T> = (text: string, name: string) => T;

/** What a route takes; every parameter may be left out. */
export type QueryShape = Readonly<Record<string, ParameterReader<unknown>>>;

export type QueryOf<Shape extends QueryShape> = { readonly [Name in keyof Shape]?: ReturnType<Shape[Name]> };

/** @throws RequestInvalidError for unknown, repeated or bad parameters. */
export function readQuery<Shape extends QueryShape>(query: URLSearchParams, shape: Shape): QueryOf<Shape> {
  const values: Record<string, unknown> = {};
  const unknown: string[] = [];
  for (const [name, text] of query) {
    if (!Object.hasOwn(shape, name)) {
      unknown.push(name);
    } else if (Object.hasOwn(values, name)) {
      throw new RequestInvalidError(`${name} must be given once`);
    } else {
      values[name] = shape[name]!(text, name);
    }
  }
  if (unknown.length > 0) {
    const named = unknown.slice(0, 5).map((name) => quoteValue(name));
    const known = Object.keys(shape);
    const expectation = known.length === 0 ? 'this route takes none' : `this route takes ${known.join(', ')}`;
    throw new RequestInvalidError(`unknown query parameter ${named.join(', ')}: ${expectation}`);
  }
  return values as QueryOf<Shape>;
}

/** A whole number of `min` to `max`. */
export function integer(min: number, max: number): ParameterReader<number> {
  return (text, name) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (!(number >= min && number <= max)) {
      throw new RequestInvalidError(`${name} must be a whole number of ${min} to ${max}, got ${quoteValue(text)}`);
    }
    return number;
  };
}

/** RFC 3339, or Unix ms in digits. */
export const time: ParameterReader<number> = (text, name) => {
  const timeMs = parseTimestamp(/^\d{1,15}$/.test(text) ? Number(text) : text);
  if (typeof timeMs === 'number') return timeMs;
  // A plus sign in a query is a space: the likeliest mistake, and one that no one sees.
  const hint = text.includes(' ') ? ' (in a URL, write + as %2B)' : '';
  throw new RequestInvalidError(`${name} ${timeMs}${hint}`);
};

/** Any text of at most `max` characters. */
export function words(max: number): ParameterReader<string> {
  return (text, name) => {
    if (text.length <= max) return text;
    throw new RequestInvalidError(`${name} must have at most ${max} characters, got ${text.length}`);
  };
}

export function oneOf<const T extends string>(words: readonly T[]): ParameterReader<T> {
  return (text, name) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined)
      throw new RequestInvalidError(`${name} must be ${words.join(' or ')}, got ${quoteValue(text)}`);
    return word;
  };
}

export const deviceId: ParameterReader<string> = (text, name) => {
  if (isDeviceId(text)) return text;
  throw new RequestInvalidError(`${name} must be 1 to 128 letters, digits or _ - . : @ /, got ${quoteValue(text)}`);
};

/** `next` of the page before. What it holds is the store's business. */
export const cursor: ParameterReader<string> = (text, name) => {
  if (/^[\x21-\x7e]{1,1024}$/.test(text)) return text;
  throw new RequestInvalidError(`${name} must be the "next" of an earlier answer, got ${quoteValue(text)}`);
};
