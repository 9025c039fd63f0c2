/** How much of a value from outside a message repeats. */
const MAX_QUOTED = 64;

// Quotes, line and paragraph separators and everything that a terminal may act on; \p{C} also holds lone surrogates.
const UNSAFE = /["\\\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * A value from outside as a message shows it: text in quotes, cut to 64 characters, with control characters escaped; numbers
 * as they are; lists and objects by kind alone, since they may be large.
 *
 * @example quoteValue('a\nb'); // "a\u{a}b"
 */
export function quoteValue(value: unknown): string {
  if (typeof value === 'string') return quoteText(value);
  if (value === undefined) return 'nothing';
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function quoteText(text: string): string {
  const isCut = text.length > MAX_QUOTED;
  const shown = (isCut ? text.slice(0, MAX_QUOTED) : text).replace(UNSAFE, escapeCharacter);
  return `"${shown}${isCut ? '…' : ''}"`;
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
