/** A time in which devices raise no alert: maintenance, a test run. Their detectors go on. */
import { fitsPattern } from '../profiles/device-pattern.js';
import { deviceOf, tenantOf, type DeviceKey } from './identity.js';

export interface AlertSilence {
  readonly id: string;
  readonly tenant: string;
  /** Patterns of device ids: `*` is any text, `?` one character. */
  readonly devices: readonly string[];
  /** Unix ms, by the times of the readings; from inclusive, until exclusive. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly by: string;
  readonly note?: string;
}

/** Those in force in a partition at once, of all tenants. */
export const MOST_SILENCES = 1_000;
/** Readings that come late may be of a silence that is over. */
const KEEP_AFTER_MS = 86_400_000;

/** The silences that a partition knows. */
export class AlertSilences {
  readonly #silences = new Map<string, AlertSilence>();

  constructor(silences: readonly AlertSilence[] = []) {
    for (const silence of silences) this.#silences.set(silence.id, silence);
  }

  /**
   * Follows `silence.set` and `silence.end`. What is no silence changes nothing: logs are read to their end.
   *
   * @param nowMs arrival of the command, Unix ms: what is long over is forgotten
   */
  apply(command: { readonly type: string }, nowMs: number): void {
    if (command.type === 'silence.end') {
      const { id } = command as { id?: unknown };
      if (typeof id === 'string') this.#silences.delete(id);
    }
    if (command.type !== 'silence.set') return;
    const { silence } = command as { silence?: unknown };
    for (const [id, { untilMs }] of this.#silences) if (untilMs + KEEP_AFTER_MS < nowMs) this.#silences.delete(id);
    if (isSilence(silence) && this.#silences.size < MOST_SILENCES) this.#silences.set(silence.id, silence);
  }

  /** Whether the device may raise nothing at this time, Unix ms. */
  covers(key: DeviceKey, timeMs: number): boolean {
    if (this.#silences.size === 0) return false;
    const tenant = tenantOf(key);
    const device = deviceOf(key);
    for (const silence of this.#silences.values()) {
      const isThen = timeMs >= silence.fromMs && timeMs < silence.untilMs;
      if (isThen && silence.tenant === tenant && silence.devices.some((one) => fitsPattern(one, device))) return true;
    }
    return false;
  }

  /** For snapshots; what the constructor takes. */
  list(): readonly AlertSilence[] {
    return [...this.#silences.values()];
  }
}

function isSilence(value: unknown): value is AlertSilence {
  if (typeof value !== 'object' || value === null) return false;
  const { id, tenant, devices, fromMs, untilMs } = value as Record<string, unknown>;
  return (
    typeof id === 'string' &&
    typeof tenant === 'string' &&
    Array.isArray(devices) &&
    devices.every((pattern) => typeof pattern === 'string') &&
    typeof fromMs === 'number' &&
    typeof untilMs === 'number'
  );
}
