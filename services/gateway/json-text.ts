/** From the bytes of a body to a value, within limits: UTF-8, JSON, depth, size. */
import { PayloadTooLargeError } from '../../models/errors.js';
import { findJsonFault } from './json-fault.js';
import { HttpProblemError } from './problem.js';

/** Deepest nesting that a body may have. The deepest that we document has 3. */
export const MAX_JSON_DEPTH = 32;
/** Most lists, objects and commas in one JSON text: a small body of `[[],[],…` must not become gigabytes of objects. */
export const MAX_JSON_PARTS = 4_000_000;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @throws HttpProblemError 400 when the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw malformed('the body is not UTF-8 text');
  }
}

/**
 * @throws HttpProblemError 400 with line and column when `bytes` is not JSON, or nests deeper than `MAX_JSON_DEPTH`.
 * @throws PayloadTooLargeError when it has more than `MAX_JSON_PARTS` parts.
 */
export function parseJson(bytes: Uint8Array): unknown {
  const text = decodeUtf8(bytes);
  const shape = measureJson(text);
  if (shape.depth > MAX_JSON_DEPTH) {
    throw malformed(`the body must nest at most ${MAX_JSON_DEPTH} deep, got more`);
  }
  if (shape.parts > MAX_JSON_PARTS) {
    throw new PayloadTooLargeError(
      `the body must have at most ${MAX_JSON_PARTS} values, got more: send smaller batches`,
    );
  }
  try {
    return JSON.parse(text);
  } catch {
    const fault = findJsonFault(text);
    if (fault === undefined) throw malformed('the body is not JSON');
    const { offset, line, column, found } = fault;
    throw malformed(`the body is not JSON: unexpected ${found} at line ${line}, column ${column}`, {
      offset,
      line,
      column,
    });
  }
}

/** Parses one line of NDJSON. @returns the value, or why there is none. */
export function parseJsonLine(line: string): { readonly value: unknown } | { readonly reason: string } {
  if (measureJson(line).depth > MAX_JSON_DEPTH) return { reason: `must nest at most ${MAX_JSON_DEPTH} deep` };
  try {
    return { value: JSON.parse(line) as unknown };
  } catch {
    const fault = findJsonFault(line);
    return {
      reason: fault === undefined ? 'is not JSON' : `is not JSON: unexpected ${fault.found} at column ${fault.column}`,
    };
  }
}

/** Depth and number of parts, in one pass; stops early when either is beyond its limit. Bad JSON gives some number. */
export function measureJson(text: string): { readonly depth: number; readonly parts: number } {
  let depth = 0;
  let deepest = 0;
  let parts = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = endOfString(text, at);
        break;
      case 0x7b: // {
      case 0x5b: // [
        parts++;
        if (++depth > deepest && (deepest = depth) > MAX_JSON_DEPTH) return { depth: deepest, parts };
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
      case 0x2c: // ,
        if (++parts > MAX_JSON_PARTS) return { depth: deepest, parts };
        break;
    }
  }
  return { depth: deepest, parts };
}

/** Index of the quote that closes the string opened at `start`; the length of the text when none does. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

function malformed(detail: string, members: Readonly<Record<string, unknown>> = {}): HttpProblemError {
  return new HttpProblemError(400, 'Malformed body', detail, {}, members);
}
