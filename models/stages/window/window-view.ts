/** What the window stage knows of one device at this moment, for people and other services. */
import { deviceOf, type DeviceKey } from '../../domain/identity.js';
import { Slot } from './device-state.js';
import type { WindowState } from './window-state.js';

export interface WindowView {
  readonly device: string;
  readonly profile: string;
  /** Unix ms, event time of the latest frame; undefined before the first. */
  readonly lastFrameMs: number | undefined;
  /** Unix ms: readings older than this are late. */
  readonly watermarkMs: number | undefined;
  /** Unix ms at which the latest usable reading arrived. */
  readonly lastArrivalMs: number | undefined;
  /** Learned sampling interval in ms; undefined while unknown, or where the device is irregular. */
  readonly intervalMs: number | undefined;
  /** Unix ms at which the device counts as silent if nothing comes; undefined where that does not apply. */
  readonly silentAtMs: number | undefined;
  /** Readings that wait for stragglers or other channels. */
  readonly waiting: number;
  /** Per channel its latest value and how many frames ago it was measured. */
  readonly channels: Readonly<Record<string, { readonly value: number; readonly ageFrames: number }>>;
}

/** @returns undefined when no reading of the device was ever usable. */
export function windowView(state: WindowState, key: DeviceKey): WindowView | undefined {
  const device = state.devices.get(key);
  if (device === undefined) return undefined;
  const { data, set, pending } = device;
  const values = set.names.map((name, c) => {
    const value = data[Slot.channels + c]!;
    return [name, { value, ageFrames: data[Slot.channels + set.size + c]! }] as const;
  });
  return {
    device: deviceOf(key),
    profile: state.profiles.forDevice(deviceOf(key)).name,
    lastFrameMs: finite(data[Slot.lastTime]!),
    watermarkMs: finite(data[Slot.watermark]!),
    lastArrivalMs: finite(data[Slot.lastArrival]!),
    intervalMs: data[Slot.step]! > 0 ? data[Slot.step]! : undefined,
    silentAtMs: finite(data[Slot.silentAt]!),
    waiting: pending?.length ?? 0,
    channels: Object.fromEntries(values.filter(([, { value }]) => Number.isFinite(value))),
  };
}

const finite = (value: number): number | undefined => (Number.isFinite(value) ? value : undefined);
