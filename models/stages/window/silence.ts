/** When a device that stops sending is said to be silent. */
import { FrameKind, type FrameBatch } from '../../domain/frame-batch.js';
import { OutcomeCode } from '../../domain/outcome.js';
import type { WindowProfile } from '../../profiles/window-profile.js';
import { Slot, type DeviceState } from './device-state.js';
import { effectivePace, effectiveStep } from './sampling-interval.js';

/** A reading that arrives within this many of the device's intervals, or `LIVE_MIN_MS`, of its event time is live. */
const LIVE_STEPS = 10;
const LIVE_MIN_MS = 300_000;

/** A file of last year is not live: its end is no silence. */
export function isLive(data: Float64Array, window: WindowProfile, timeMs: number, nowMs: number): boolean {
  return nowMs - timeMs <= Math.max(LIVE_STEPS * effectivePace(data, window), LIVE_MIN_MS);
}

/** A usable reading of event time `timeMs` arrived at log time `nowMs`. */
export function armSilence(data: Float64Array, window: WindowProfile, timeMs: number, nowMs: number): void {
  const pace = effectivePace(data, window);
  const canBeSilent = pace > 0 && window.silentAfterSteps > 0 && isLive(data, window, timeMs, nowMs);
  data[Slot.lastArrival] = nowMs;
  data[Slot.silentAt] = canBeSilent
    ? nowMs + Math.max(window.silentAfterMinMs, window.silentAfterSteps * pace)
    : Infinity;
}

/**
 * Writes the one record of this silence. It carries all channels without values, and the outcome `filled`, since no
 * reading stands behind it.
 */
export function emitSilence(device: DeviceState, window: WindowProfile, nowMs: number, out: FrameBatch): void {
  const { data, set } = device;
  const elapsedMs = nowMs - data[Slot.lastArrival]!;
  const pace = effectivePace(data, window);
  const at = out.add(
    FrameKind.silence,
    OutcomeCode.filled,
    device.key,
    data[Slot.maxTime]! + elapsedMs,
    nowMs,
    effectiveStep(data, window),
    pace > 0 ? Math.floor(elapsedMs / pace) : 0,
    device.profile.name,
    set.names,
  );
  out.values.data.fill(NaN, at, at + set.size);
  out.imputed.data.fill(1, at, at + set.size);
  data[Slot.silentAt] = Infinity;
}
