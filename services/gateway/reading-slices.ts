/** Cuts the body of `POST /v1/readings` into slices that are small enough to be handled in one go. */
import { PayloadTooLargeError, RequestInvalidError } from '../../models/errors.js';
import { quoteValue } from '../../models/domain/quote-value.js';
import { SLICE_READINGS, type Rejection } from './reading-intake.js';
import { decodeUtf8, parseJson, parseJsonLine } from './json-text.js';

/** Most readings of one request; their answers must fit into memory too. */
export const MAX_READINGS = 100_000;

export const READING_MEDIA_TYPES = ['application/json', 'application/x-ndjson', 'application/ndjson'] as const;
export type ReadingMediaType = (typeof READING_MEDIA_TYPES)[number];

export interface Slice {
  readonly readings: readonly unknown[];
  /** Index in the request of each of `readings`. */
  readonly indexes: readonly number[];
  /** Lines that are not even JSON. Blank lines do not count. */
  readonly malformed: readonly Rejection[];
}

/**
 * @throws HttpProblemError 400 for malformed JSON. @throws RequestInvalidError when there is no list of readings in it.
 * @throws PayloadTooLargeError beyond `MAX_READINGS`. All before the first slice, so that nothing is taken of a bad request.
 */
export function readingSlices(mediaType: ReadingMediaType, body: Buffer): Iterable<Slice> {
  return mediaType === 'application/json' ? jsonSlices(body) : ndjsonSlices(body);
}

function jsonSlices(body: Buffer): Iterable<Slice> {
  const document = parseJson(body);
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new RequestInvalidError(`the body must be {"readings": […]}, got ${quoteValue(document)}`);
  }
  const { readings } = document as { readings?: unknown };
  if (!Array.isArray(readings)) {
    throw new RequestInvalidError(`readings must be a list, got ${quoteValue(readings)}`);
  }
  const unknown = Object.keys(document).filter((field) => field !== 'readings');
  if (unknown.length > 0) {
    throw new RequestInvalidError(`unknown field ${quoteValue(unknown[0])}: the body must be {"readings": […]}`);
  }
  requireCount(readings.length);
  return cut(readings);
}

function* cut(readings: readonly unknown[]): Generator<Slice> {
  for (let first = 0; first < readings.length; first += SLICE_READINGS) {
    const part = readings.slice(first, first + SLICE_READINGS);
    yield { readings: part, indexes: part.map((_, i) => first + i), malformed: [] };
  }
}

function ndjsonSlices(body: Buffer): Iterable<Slice> {
  let lines = 0;
  for (const [start, end] of lineBounds(body)) if (!isBlank(body, start, end)) lines++;
  requireCount(lines);
  return parseLines(body);
}

function* parseLines(body: Buffer): Generator<Slice> {
  let readings: unknown[] = [];
  let indexes: number[] = [];
  let malformed: Rejection[] = [];
  let index = 0;
  let lineNumber = 0;
  for (const [start, end] of lineBounds(body)) {
    lineNumber++;
    if (isBlank(body, start, end)) continue;
    const parsed = parseBytes(body.subarray(start, end));
    if ('value' in parsed) {
      readings.push(parsed.value);
      indexes.push(index);
    } else {
      malformed.push({ index, reason: `line ${lineNumber} ${parsed.reason}` });
    }
    index++;
    if (readings.length + malformed.length === SLICE_READINGS) {
      yield { readings, indexes, malformed };
      readings = [];
      indexes = [];
      malformed = [];
    }
  }
  if (readings.length + malformed.length > 0) yield { readings, indexes, malformed };
}

function parseBytes(line: Buffer): { readonly value: unknown } | { readonly reason: string } {
  let text: string;
  try {
    text = decodeUtf8(line);
  } catch {
    return { reason: 'is not UTF-8 text' };
  }
  return parseJsonLine(text);
}

/** Start and end of each line, without its newline. Bytes are safe to cut at: UTF-8 has 0x0A nowhere else. */
function* lineBounds(body: Buffer): Generator<readonly [start: number, end: number]> {
  let start = 0;
  while (start < body.length) {
    const newline = body.indexOf(0x0a, start);
    const end = newline === -1 ? body.length : newline;
    yield [start, end];
    start = end + 1;
  }
}

function isBlank(body: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = body[at]!;
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  }
  return true;
}

function requireCount(count: number): void {
  if (count === 0) throw new RequestInvalidError('the body must hold at least one reading, got none');
  if (count > MAX_READINGS) {
    throw new PayloadTooLargeError(`the body must hold at most ${MAX_READINGS} readings, got ${count}`, {
      data: { limit: MAX_READINGS },
    });
  }
}
