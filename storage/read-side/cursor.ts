/** Cursors of pages: a number and a text. Callers give them back as they are; anybody may send anything. */
import { RequestInvalidError } from '../../models/errors.js';

const CURSOR = /^(-?\d{1,20}(?:\.\d{1,20})?)~([\x21-\x7e]{0,256})$/;

export function encodeCursor(number: number, text: string): string {
  return `${number}~${text}`;
}

/** @throws RequestInvalidError when `cursor` was not made by `encodeCursor`. */
export function decodeCursor(cursor: string): { readonly number: number; readonly text: string } {
  const [, number, text] = CURSOR.exec(cursor) ?? [];
  if (number === undefined || text === undefined) {
    throw new RequestInvalidError(
      `cursor must be the "next" of the page before, got ${JSON.stringify(cursor.slice(0, 300))}`,
    );
  }
  return { number: Number(number), text };
}
