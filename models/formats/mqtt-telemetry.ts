/** Messages of `iot/{tenant}/{device}/telemetry`: what a device measured, as JSON. */
import { DEVICE_ID_WORDS, isDeviceId, isTenantId } from '../domain/identity.js';
import { quoteValue } from '../domain/quote-value.js';
import { parseReading } from '../domain/reading-parser.js';
import { formatTimestamp } from '../domain/timestamp.js';
import { RequestInvalidError } from '../errors.js';
import { DECODE_LIMITS, ReadingJoin, type DecodedReadings } from './reading-join.js';

export interface TelemetryTopic {
  readonly tenant: string;
  readonly device: string;
}

/**
 * Reads `iot/TENANT/DEVICE/telemetry`.
 *
 * @throws RequestInvalidError when the topic is another, or names what cannot be a tenant or a device.
 */
export function parseTelemetryTopic(topic: string): TelemetryTopic {
  const [iot, tenant = '', device = '', telemetry, ...more] = topic.split('/');
  if (iot !== 'iot' || telemetry !== 'telemetry' || more.length > 0) {
    throw new RequestInvalidError(`the topic must be iot/TENANT/DEVICE/telemetry, got ${quoteValue(topic)}`);
  }
  if (!isTenantId(tenant)) throw new RequestInvalidError(`the topic must name a tenant, got ${quoteValue(tenant)}`);
  if (!isDeviceId(device)) {
    throw new RequestInvalidError(
      `the topic must name a device, ${DEVICE_ID_WORDS} but the slash, got ${quoteValue(device)}`,
    );
  }
  return { tenant, device };
}

/**
 * Each of these, or a list of them:
 *
 * - `{"ts": …, "values": {"temp": 71.2}}`, where `ts` (RFC 3339 or Unix ms) may be missing: then it was measured when it arrived;
 * - `{"temp": 71.2, "vib": 0.3}`, the values alone, unless one of them is called `ts` or `values`.
 *
 * A point is an element of the list. Values are numbers, or null for none.
 *
 * @param arrivedMs Unix ms, when the server took the message: alike each time it is delivered, so that a second one is a duplicate
 * @throws RequestInvalidError when the payload is not JSON. @throws PayloadTooLargeError beyond `DECODE_LIMITS`.
 */
export function decodeTelemetry(device: string, payload: Uint8Array, arrivedMs: number): DecodedReadings {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (error) {
    throw new RequestInvalidError('the payload must be JSON in UTF-8', { cause: error });
  }
  const join = new ReadingJoin(DECODE_LIMITS);
  (Array.isArray(value) ? value : [value]).forEach((element: unknown, index) => {
    const named = nameOf(element);
    if (named !== undefined && named !== device) {
      join.reject(index, `device must be that of the topic or left out, got ${quoteValue(named)}`);
      return;
    }
    const reading = parseReading(asReading(device, element, arrivedMs));
    if (typeof reading === 'string') join.reject(index, reading);
    else takeMeasured(join, index, reading);
  });
  return join.finish();
}

/** A channel without a value has none in this reading either. */
function takeMeasured(
  join: ReadingJoin,
  index: number,
  reading: Exclude<ReturnType<typeof parseReading>, string>,
): void {
  const { device, timeMs } = reading;
  const isThere = reading.values.map((value) => !Number.isNaN(value));
  const channels = reading.channels.filter((_, c) => isThere[c]);
  if (channels.length === 0) join.ignore();
  else {
    join.add(
      index,
      device,
      timeMs,
      channels,
      reading.values.filter((_, c) => isThere[c]),
    );
  }
}

function asReading(device: string, element: unknown, arrivedMs: number): unknown {
  if (typeof element !== 'object' || element === null || Array.isArray(element)) return element;
  const ts = formatTimestamp(arrivedMs);
  const isWrapped = Object.hasOwn(element, 'values') || Object.hasOwn(element, 'ts');
  return isWrapped ? { ts, ...element, device } : { device, ts, values: element };
}

function nameOf(element: unknown): unknown {
  const isReading = typeof element === 'object' && element !== null && 'values' in element && 'device' in element;
  return isReading ? element.device : undefined;
}
