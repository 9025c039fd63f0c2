/** The one place where what a client sends becomes a reading, or a reason why it does not. */
import { CHANNEL_NAME_WORDS, DEVICE_ID_WORDS, isChannelName, isDeviceId } from './identity.js';
import { quoteValue } from './quote-value.js';
import { parseTimestamp } from './timestamp.js';

/** Most channels that one reading carries. */
export const MAX_READING_CHANNELS = 256;

export interface ParsedReading {
  readonly device: string;
  /** Unix ms in [0, year 10000), with a fraction where the sender gave µs. */
  readonly timeMs: number;
  /** 1 to 256 names, in the order of the reading. */
  readonly channels: readonly string[];
  /** One a channel, in the channel's own unit; NaN where the reading says null. */
  readonly values: readonly number[];
}

const FIELDS = 3;

/**
 * Checks one element of a request: `{"device": "pump-7", "ts": "2026-01-01T00:00:00Z", "values": {"temp": 71.2}}`.
 *
 * Strict where a guess could spoil data: numbers in quotes, booleans and unknown fields are refused, never converted or dropped.
 *
 * @param value what `JSON.parse` made of it.
 * @returns the reading, or a reason in words that names the field and the value.
 */
export function parseReading(value: unknown): ParsedReading | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `a reading must be an object with device, ts and values, got ${quoteValue(value)}`;
  }
  const { device, ts, values } = value as Record<string, unknown>;
  if (typeof device !== 'string' || !isDeviceId(device)) {
    return `device must be ${DEVICE_ID_WORDS}, got ${quoteValue(device)}`;
  }
  const timeMs = parseTimestamp(ts);
  if (typeof timeMs === 'string') return `ts ${timeMs}`;
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    return `values must be an object of channels and numbers, got ${quoteValue(values)}`;
  }
  const fields = Object.keys(value);
  if (fields.length !== FIELDS) return `${unknownFields(fields)}: a reading has device, ts and values`;
  return parseValues(device, timeMs, values as Record<string, unknown>);
}

function parseValues(device: string, timeMs: number, values: Record<string, unknown>): ParsedReading | string {
  const channels = Object.keys(values);
  if (channels.length < 1 || channels.length > MAX_READING_CHANNELS) {
    return `values must hold 1 to ${MAX_READING_CHANNELS} channels, got ${channels.length}`;
  }
  const numbers = new Array<number>(channels.length);
  for (let c = 0; c < channels.length; c++) {
    const channel = channels[c]!;
    if (!isChannelName(channel)) {
      return `channel name must be ${CHANNEL_NAME_WORDS}, got ${quoteValue(channel)}`;
    }
    const number = values[channel];
    if (number === null) {
      numbers[c] = NaN;
    } else if (typeof number === 'number' && Number.isFinite(number)) {
      // Adding 0 turns -0 into 0: equal values, so equal bytes, and no conflict between them.
      numbers[c] = number + 0;
    } else {
      return `values.${channel} must be a finite number or null, got ${quoteValue(number)}`;
    }
  }
  return { device, timeMs, channels, values: numbers };
}

function unknownFields(fields: readonly string[]): string {
  const unknown = fields.filter((field) => field !== 'device' && field !== 'ts' && field !== 'values');
  const named = unknown.slice(0, 3).map((field) => quoteValue(field));
  const more = unknown.length > named.length ? ` and ${unknown.length - named.length} more` : '';
  return `unknown field ${named.join(', ')}${more}`;
}
