import { quoteValue } from '../domain/quote-value.js';
import { END_TIME_MS, parseTimestamp } from '../domain/timestamp.js';

const NUMBER = /^[+-]?\d+(\.\d+)?$/;
/** What every time with an offset begins with. */
const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}/;
const EXPECTED =
  'RFC 3339 (2026-01-01T00:00:00Z), YYYY-MM-DD HH:MM[:SS[.fff]] or YYYY-MM-DD in UTC, or Unix time in s, ms, µs or ns';
const DATE = /^\d{4}[-/]\d{2}[-/]\d{2}$/;
const WITHOUT_OFFSET = /^(\d{4})[-/](\d{2})[-/](\d{2})[Tt ](\d{2}:\d{2})(:\d{2})?([.,]\d+)?$/;

/** Up to here a bare number counts seconds (the year 5138), above it ms, then µs, then ns: no two units overlap after 1973. */
const SECONDS_BELOW = 1e11;
const MS_BELOW = 1e14;
const MICROS_BELOW = 1e17;

/**
 * Reads a timestamp as files hold them: RFC 3339; `YYYY-MM-DD HH:MM[:SS[.fff]]` and `YYYY-MM-DD`, taken as UTC; Unix time in
 * seconds, ms, µs or ns, told apart by size.
 *
 * @returns Unix ms, or in words why the text is no timestamp.
 */
export function parseSourceTime(value: unknown): number | string {
  if (typeof value === 'number') return fromUnix(value);
  if (typeof value !== 'string') return `must be ${EXPECTED}, got ${quoteValue(value)}`;
  const text = value.trim();
  if (NUMBER.test(text)) return fromUnix(Number(text));
  if (DATE.test(text)) return parseTimestamp(`${text.replaceAll('/', '-')}T00:00:00Z`);
  const parts = WITHOUT_OFFSET.exec(text);
  if (parts === null)
    return RFC_3339.test(text) ? parseTimestamp(text) : `must be ${EXPECTED}, got ${quoteValue(text)}`;
  const [, year, month, day, minutes, seconds = ':00', fraction = ''] = parts;
  return parseTimestamp(`${year!}-${month!}-${day!}T${minutes!}${seconds}${fraction.replace(',', '.')}Z`);
}

function fromUnix(value: number): number | string {
  const size = Math.abs(value);
  if (size < SECONDS_BELOW) return parseTimestamp(Math.round(value * 1e6) / 1e3);
  if (size < MS_BELOW) return parseTimestamp(value);
  if (size < MICROS_BELOW) return parseTimestamp(value / 1e3);
  const ms = Math.floor(value / 1e6);
  return parseTimestamp(ms < END_TIME_MS ? ms : value);
}
