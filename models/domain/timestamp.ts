/** Points in time as people and devices write them, and back. Inside, time is always Unix ms. */
import { quoteValue } from './quote-value.js';

/** 1970-01-01T00:00:00Z, the earliest time a reading may have. */
export const MIN_TIME_MS = 0;
/** The first millisecond after 9999-12-31T23:59:59.999999Z. */
export const END_TIME_MS = 253_402_300_800_000;

const DAY_MS = 86_400_000;
const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334] as const;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;
const DAYS_BEFORE_1970 = daysBeforeYear(1970);

const ZERO = 48;
const EXPECTED = 'RFC 3339 (2026-01-01T00:00:00Z) or Unix ms as a number';

/**
 * Reads a timestamp: RFC 3339 text with an offset, or Unix ms as a number.
 *
 * Text: `T`, `t` or a space between date and time; `Z`, `z` or `±hh:mm`; any fraction, kept to µs. The calendar is strict (no
 * 30 February). A leap second (`23:59:60` UTC) is the second after it, since Unix time has none.
 *
 * @returns Unix ms in [0, END_TIME_MS), with a fraction below the ms; or, in words, why the value is no timestamp.
 *
 * @example parseTimestamp('2026-01-01T00:00:00Z'); // 1767225600000
 */
export function parseTimestamp(value: unknown): number | string {
  if (typeof value === 'number') {
    // Adding 0 turns -0 into 0, so that equal times are equal bytes in the log.
    return value >= MIN_TIME_MS && value < END_TIME_MS ? value + 0 : outOfRange(value);
  }
  if (typeof value !== 'string') return `must be ${EXPECTED}, got ${quoteValue(value)}`;
  return parseText(value);
}

/** Unix ms as RFC 3339 in UTC: with milliseconds, or with microseconds where the time has them. */
export function formatTimestamp(timeMs: number): string {
  let wholeMs = Math.floor(timeMs);
  let micros = Math.round((timeMs - wholeMs) * 1000);
  if (micros === 1000) {
    wholeMs += 1;
    micros = 0;
  }
  const text = new Date(wholeMs).toISOString();
  return micros === 0 ? text : `${text.slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}

/** Positions: `YYYY-MM-DDThh:mm:ss` is 19 characters, then the fraction, then the offset. Read by hand: this runs for every reading. */
function parseText(text: string): number | string {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  const separator = text[10];
  if (
    // A part that is not digits is -1, and -1 has its sign bit set.
    (year | month | day | hour | minute | second) < 0 ||
    text[4] !== '-' ||
    text[7] !== '-' ||
    (separator !== 'T' && separator !== 't' && separator !== ' ') ||
    text[13] !== ':' ||
    text[16] !== ':'
  ) {
    return `must be ${EXPECTED}, got ${quoteValue(text)}`;
  }
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return noSuch('day', text);
  if (hour > 23 || minute > 59 || second > 60) return noSuch('time of day', text);

  let at = 19;
  let micros = 0;
  if (text[at] === '.') {
    const first = ++at;
    let scale = 100_000;
    for (let digit = digits(text, at, 1); digit >= 0; digit = digits(text, ++at, 1)) {
      micros += digit * scale;
      scale = Math.floor(scale / 10);
    }
    if (at === first) return `must have digits after the dot, got ${quoteValue(text)}`;
  }

  const offsetMs = parseOffset(text, at);
  if (typeof offsetMs === 'string') return offsetMs;
  const days = daysBeforeYear(year) + daysBeforeMonth(year, month) + day - 1 - DAYS_BEFORE_1970;
  const timeMs = days * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000 - offsetMs;
  // 23:59:60 UTC lands on a midnight; every other :60 does not exist.
  if (second === 60 && timeMs % DAY_MS !== 0) return noSuch('time of day', text);
  if (timeMs < MIN_TIME_MS || timeMs >= END_TIME_MS) return outOfRange(text);
  return timeMs + micros / 1000;
}

function parseOffset(text: string, at: number): number | string {
  const sign = text[at];
  if ((sign === 'Z' || sign === 'z') && text.length === at + 1) return 0;
  if (text.length === at) return `must have an offset, such as Z or +02:00, got ${quoteValue(text)}`;
  const hours = digits(text, at + 1, 2);
  const minutes = digits(text, at + 4, 2);
  const isOffset = (sign === '+' || sign === '-') && text[at + 3] === ':' && text.length === at + 6;
  if (!isOffset || (hours | minutes) < 0 || hours > 23 || minutes > 59) {
    return `must end in an offset, such as Z or +02:00, got ${quoteValue(text)}`;
  }
  return (sign === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** The number that `count` digits from `start` make, or -1. */
function digits(text: string, start: number, count: number): number {
  let number = 0;
  for (let i = start; i < start + count; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return -1;
    number = number * 10 + digit;
  }
  return number;
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysInMonth(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : DAYS_IN_MONTH[month - 1]!;
}

function daysBeforeMonth(year: number, month: number): number {
  return DAYS_BEFORE_MONTH[month - 1]! + (month > 2 && isLeapYear(year) ? 1 : 0);
}

/** Days from 0001-01-01 to the first of January of `year`, in the Gregorian calendar. */
function daysBeforeYear(year: number): number {
  const past = year - 1;
  return past * 365 + Math.floor(past / 4) - Math.floor(past / 100) + Math.floor(past / 400);
}

const noSuch = (what: string, text: string): string => `must be a ${what} that exists, got ${quoteValue(text)}`;
const outOfRange = (value: unknown): string => `must lie in the years 1970 to 9999, got ${quoteValue(value)}`;
