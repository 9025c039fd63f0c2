import { TIME_COLUMNS } from '../../models/formats/csv-layout.js';
import { parseSourceTime } from '../../models/formats/source-time.js';
import type { SourceRow } from './source-row.js';

export interface NdjsonReadingsOptions {
  /** Device of lines that name none. */
  readonly device?: string | undefined;
  readonly timeColumn?: string | undefined;
  readonly deviceColumn?: string | undefined;
}

/** A line that is longer is no reading. */
const MAX_LINE_CHARACTERS = 1_048_576;

/**
 * Lines of NDJSON as readings. A line is `{"device","ts","values":{…}}` as the server takes it, or flat: a time
 * (`timestamp`, `time`, … or `timeColumn`), `device` (or `deviceColumn`), and everything else a channel.
 */
export async function* ndjsonReadings(
  bytes: AsyncIterable<Buffer>,
  options: NdjsonReadingsOptions,
): AsyncGenerator<SourceRow> {
  let row = 0;
  for await (const line of lines(bytes)) {
    if (line.trim() === '') continue;
    yield line.length > MAX_LINE_CHARACTERS
      ? { row: ++row, reason: `a line must have at most ${MAX_LINE_CHARACTERS} characters` }
      : rowOf(line, ++row, options);
  }
}

/** Lines, the last one also without a line end. A line that is too long is cut, so that it cannot fill the memory. */
async function* lines(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of bytes) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = (parts.pop() ?? '').slice(0, MAX_LINE_CHARACTERS + 1);
    yield* parts;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

function rowOf(line: string, row: number, options: NdjsonReadingsOptions): SourceRow {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return { row, reason: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { row, reason: 'a line must hold an object' };
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  const device = take(fields, [options.deviceColumn ?? 'device']) ?? options.device;
  if (typeof device !== 'string') return { row, reason: 'no device: give it in the line, or with --device ID' };
  const time = take(fields, options.timeColumn === undefined ? TIME_COLUMNS : [options.timeColumn]);
  const ts = parseSourceTime(time);
  if (typeof ts === 'string') return { row, reason: `timestamp ${ts}` };
  const values = fields.size === 1 && fields.has('values') ? fields.get('values') : Object.fromEntries(fields);
  return { row, reading: { device, ts, values } };
}

function take(fields: Map<string, unknown>, names: readonly string[]): unknown {
  for (const name of names) {
    if (!fields.has(name)) continue;
    const value = fields.get(name);
    fields.delete(name);
    return value;
  }
  return undefined;
}
