/**
 * Where a text stops being JSON. `JSON.parse` knows, but says it in words that change between Node versions, and for short texts
 * not at all. Runs only after it has refused a text, without recursion.
 */
export interface JsonFault {
  /** Characters before the fault. */
  readonly offset: number;
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** What is there, in words. */
  readonly found: string;
}

const WHITESPACE = ' \t\n\r';
const LITERALS = ['true', 'false', 'null'];
const HEX = /^[0-9a-fA-F]{4}$/;

/** @returns undefined when `text` is JSON. */
export function findJsonFault(text: string): JsonFault | undefined {
  const offset = faultOffset(text);
  if (offset === undefined) return undefined;
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let at = before.indexOf('\n'); at !== -1; at = before.indexOf('\n', at + 1)) line++;
  const found = offset >= text.length ? 'the end' : JSON.stringify(String.fromCodePoint(text.codePointAt(offset)!));
  return { offset, line, column: offset - lineStart + 1, found };
}

function faultOffset(text: string): number | undefined {
  const open: ('{' | '[')[] = [];
  let at = skipWhitespace(text, 0);
  for (;;) {
    // A value begins at `at`.
    const first = text[at];
    if (first === '{' || first === '[') {
      at = skipWhitespace(text, at + 1);
      if (text[at] === (first === '{' ? '}' : ']')) {
        at++;
      } else {
        open.push(first);
        if (first === '{') {
          const key = skipKey(text, at);
          if (key.fault) return key.at;
          at = key.at;
        }
        continue;
      }
    } else {
      const scalar = skipScalar(text, at);
      if (scalar.fault) return scalar.at;
      at = scalar.at;
    }
    // A value ended: close what ends with it, then a comma or the end of the text.
    for (;;) {
      at = skipWhitespace(text, at);
      const container = open.at(-1);
      if (container === undefined) return at < text.length ? at : undefined;
      if (text[at] === (container === '{' ? '}' : ']')) {
        open.pop();
        at++;
        continue;
      }
      if (text[at] !== ',') return at;
      at = skipWhitespace(text, at + 1);
      if (container === '{') {
        const key = skipKey(text, at);
        if (key.fault) return key.at;
        at = key.at;
      }
      break;
    }
  }
}

interface Skipped {
  /** After what was skipped, or where it is wrong. */
  readonly at: number;
  readonly fault: boolean;
}

function skipWhitespace(text: string, at: number): number {
  while (at < text.length && WHITESPACE.includes(text[at]!)) at++;
  return at;
}

/** A key with its colon, up to the value. */
function skipKey(text: string, at: number): Skipped {
  if (text[at] !== '"') return { at, fault: true };
  const key = skipString(text, at);
  if (key.fault) return key;
  const colon = skipWhitespace(text, key.at);
  return text[colon] === ':' ? { at: skipWhitespace(text, colon + 1), fault: false } : { at: colon, fault: true };
}

function skipScalar(text: string, at: number): Skipped {
  if (text[at] === '"') return skipString(text, at);
  const literal = LITERALS.find((word) => text.startsWith(word, at));
  return literal === undefined ? skipNumber(text, at) : { at: at + literal.length, fault: false };
}

function skipString(text: string, start: number): Skipped {
  for (let at = start + 1; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"') return { at: at + 1, fault: false };
    if (character < ' ') return { at, fault: true };
    if (character !== '\\') continue;
    at++;
    if (text[at] === 'u') {
      if (!HEX.test(text.slice(at + 1, at + 5))) return { at, fault: true };
      at += 4;
    } else if (at < text.length && !'"\\/bfnrt'.includes(text[at]!)) {
      return { at, fault: true };
    }
  }
  return { at: text.length, fault: true };
}

function skipNumber(text: string, start: number): Skipped {
  let at = text[start] === '-' ? start + 1 : start;
  if (text[at] === '0') at++;
  else if (isDigit(text, at)) at = skipDigits(text, at);
  else return { at, fault: true };
  if (text[at] === '.') {
    if (!isDigit(text, at + 1)) return { at: at + 1, fault: true };
    at = skipDigits(text, at + 1);
  }
  if (text[at] === 'e' || text[at] === 'E') {
    at += text[at + 1] === '+' || text[at + 1] === '-' ? 2 : 1;
    if (!isDigit(text, at)) return { at, fault: true };
    at = skipDigits(text, at);
  }
  return { at, fault: false };
}

function isDigit(text: string, at: number): boolean {
  const character = text[at];
  return character !== undefined && character >= '0' && character <= '9';
}

function skipDigits(text: string, at: number): number {
  while (isDigit(text, at)) at++;
  return at;
}
