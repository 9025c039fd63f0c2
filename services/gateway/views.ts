/** Devices and alerts as JSON for people: times in RFC 3339, no field that means something only inside. */
import type { Alert } from '../../models/domain/alert.js';
import { formatTimestamp } from '../../models/domain/timestamp.js';
import type { DeviceSummary } from '../../storage/read-side/read-side.js';
import type { Alert as AlertView } from './schemas/alert.js';
import type { Device as DeviceView } from './schemas/device.js';

export function deviceView(summary: DeviceSummary): DeviceView {
  const { firstSeenMs, lastSeenMs, lastReadingMs, progress, lastScore, threshold, ...rest } = withoutTenant(summary);
  return {
    ...rest,
    channels: [...rest.channels],
    openAlerts: [...rest.openAlerts],
    progress: short(progress),
    ...(lastScore !== undefined && { lastScore: short(lastScore) }),
    ...(threshold !== undefined && { threshold: short(threshold) }),
    ...(firstSeenMs !== undefined && { firstSeen: formatTimestamp(firstSeenMs) }),
    lastSeen: formatTimestamp(lastSeenMs),
    ...(lastReadingMs !== undefined && { lastReading: formatTimestamp(lastReadingMs) }),
  };
}

export function alertView(alert: Alert): AlertView {
  const { startedMs, raisedMs, lastStrangeMs, resolvedMs, changedMs, history, ...rest } = withoutTenant(alert);
  return {
    ...rest,
    channels: [...rest.channels],
    reasons: [...rest.reasons],
    changed: formatTimestamp(changedMs),
    started: formatTimestamp(startedMs),
    raised: formatTimestamp(raisedMs),
    lastStrange: formatTimestamp(lastStrangeMs),
    ...(resolvedMs !== undefined && { resolved: formatTimestamp(resolvedMs) }),
    history: history.map(({ atMs, ...entry }) => ({ at: formatTimestamp(atMs), ...entry })),
  };
}

/** As in a score of the device: columns of 32-bit floats carry about seven digits. */
const short = (value: number): number => Number(value.toPrecision(7));

/** The tenant is known to who asks, and decided by the key. */
function withoutTenant<T extends { readonly tenant: string }>(whole: T): Omit<T, 'tenant'> {
  return Object.fromEntries(Object.entries(whole).filter(([name]) => name !== 'tenant')) as Omit<T, 'tenant'>;
}
