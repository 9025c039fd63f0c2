/** Query parameters: every one is known and sound, or the request is refused and told which are not. */
import { Type, type TSchema } from '@sinclair/typebox';
import { isDeviceId } from '../../models/domain/identity.js';
import { quoteValue } from '../../models/domain/quote-value.js';
import { parseTimestamp } from '../../models/domain/timestamp.js';
import { RequestInvalidError } from '../../models/errors.js';

export interface Parameter<T> {
  /** What the OpenAPI document says of it. */
  readonly schema: TSchema;
  /** @throws RequestInvalidError with a message that begins with `name`. */
  readonly read: (text: string, name: string) => T;
}

/** What a route takes; every parameter may be left out. */
export type QueryShape = Readonly<Record<string, Parameter<unknown>>>;

export type QueryOf<Shape extends QueryShape> = { readonly [Name in keyof Shape]?: ReturnType<Shape[Name]['read']> };

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
      values[name] = shape[name]!.read(text, name);
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
export function integer(min: number, max: number, description: string): Parameter<number> {
  return {
    schema: Type.Integer({ minimum: min, maximum: max, description }),
    read(text, name) {
      const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
      if (!(number >= min && number <= max)) {
        throw new RequestInvalidError(`${name} must be a whole number of ${min} to ${max}, got ${quoteValue(text)}`);
      }
      return number;
    },
  };
}

/** RFC 3339, or Unix ms in digits. */
export function time(description: string): Parameter<number> {
  return {
    schema: Type.String({
      description: `${description}; RFC 3339 or Unix ms`,
      examples: ['2026-01-01T00:00:00Z'],
      pattern: '^[0-9].*$',
      maxLength: 64,
    }),
    read(text, name) {
      const timeMs = parseTimestamp(/^\d{1,15}$/.test(text) ? Number(text) : text);
      if (typeof timeMs === 'number') return timeMs;
      // A plus sign in a query is a space: the likeliest mistake, and one that no one sees.
      const hint = text.includes(' ') ? ' (in a URL, write + as %2B)' : '';
      throw new RequestInvalidError(`${name} ${timeMs}${hint}`);
    },
  };
}

/** Any text of at most `max` characters. */
export function words(max: number, description: string): Parameter<string> {
  return {
    schema: Type.String({ maxLength: max, description }),
    read(text, name) {
      if (text.length <= max) return text;
      throw new RequestInvalidError(`${name} must have at most ${max} characters, got ${text.length}`);
    },
  };
}

export function oneOf<const T extends string>(choices: readonly T[], description: string): Parameter<T> {
  return {
    schema: Type.Unsafe<T>({ type: 'string', enum: [...choices], description }),
    read(text, name) {
      const word = choices.find((candidate) => candidate === text);
      if (word === undefined)
        throw new RequestInvalidError(`${name} must be ${choices.join(' or ')}, got ${quoteValue(text)}`);
      return word;
    },
  };
}

export const deviceId: Parameter<string> = {
  schema: Type.String({ pattern: '^[A-Za-z0-9_\\-.:@/]{1,128}$', description: 'Only this device' }),
  read(text, name) {
    if (isDeviceId(text)) return text;
    throw new RequestInvalidError(`${name} must be 1 to 128 letters, digits or _ - . : @ /, got ${quoteValue(text)}`);
  },
};

/** `next` of the page before. What it holds is the store's business. */
export const cursor: Parameter<string> = {
  schema: Type.String({ pattern: '^[\\x21-\\x7e]{1,1024}$', description: '`next` of the page before' }),
  read(text, name) {
    if (/^[\x21-\x7e]{1,1024}$/.test(text)) return text;
    throw new RequestInvalidError(`${name} must be the "next" of an earlier answer, got ${quoteValue(text)}`);
  },
};
