import { ModelInvalidError } from '../../errors.js';

/** Descriptions of networks are a few kB; more is something else. */
export const MOST_JSON_BYTES = 4_000_000;

export type Fields = Readonly<Record<string, unknown>>;

/** @param what names it in the reason. @throws ModelInvalidError when it is too large, or no JSON in UTF-8 */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  if (bytes.length > MOST_JSON_BYTES) {
    throw new ModelInvalidError(`${what} must have at most ${MOST_JSON_BYTES} bytes, got ${bytes.length}`);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ModelInvalidError(`${what} must be JSON`, { cause: error });
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value out of a file as a reason tells it: on one line, and short. */
export function told(value: unknown): string {
  const text = (typeof value === 'string' ? value : JSON.stringify(value)) as string | undefined;
  if (text === undefined) return 'nothing';
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length > 60 ? `${clean.slice(0, 60)}…` : clean;
}
