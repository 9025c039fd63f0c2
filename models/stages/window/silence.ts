/** When a device that stops sending is said to be silent. */
import { FrameKind, type FrameBatch } from '../../domain/frame-batch.js';
import { OutcomeCode } from '../../domain/outcome.js';
import type { WindowProfile } from '../../profiles/window-profile.js';
import { Slot, type DeviceState } from './device-state.js';
import { effectivePace, effectiveStep } from './sampling-interval.js';

/** A reading that arrives within this many of the device's intervals, or `LIVE_MIN_MS`, of its event time is live. */
const LIVE_STEPS = 10;
const LIVE_MIN_MS = 300_000;

/**
 * While Redshank runs, log time passes a deadline within a second or two: the host sends a tick. A deadline that is met later
 * than this was missed by us, and all devices would seem silent at once: they get the same time once more.
 */
const OUR_ABSENCE_MS = 30_000;

/** A file of last year is not live: its end is no silence. */
export function isLive(data: Float64Array, window: WindowProfile, timeMs: number, nowMs: number): boolean {
  return nowMs - timeMs <= Math.max(LIVE_STEPS * effectivePace(data, window), LIVE_MIN_MS);
}

/** A usable reading of event time `timeMs` arrived at log time `nowMs`. */
export function armSilence(data: Float64Array, window: WindowProfile, timeMs: number, nowMs: number): void {
  const pace = effectivePace(data, window);
  const canBeSilent = pace > 0 && window.silentAfterSteps > 0 && isLive(data, window, timeMs, nowMs);
  data[Slot.lastArrival] = nowMs;
  data[Slot.silentAt] = canBeSilent ? nowMs + patienceMs(data, window) : Infinity;
}

/** The deadline of a silence has passed at log time `nowMs`: writes its record, unless it was us who were away. */
export function meetSilence(device: DeviceState, window: WindowProfile, nowMs: number, out: FrameBatch): void {
  const { data } = device;
  if (nowMs - data[Slot.silentAt]! > OUR_ABSENCE_MS) data[Slot.silentAt] = nowMs + patienceMs(data, window);
  else emitSilence(device, window, nowMs, out);
}

function patienceMs(data: Float64Array, window: WindowProfile): number {
  return Math.max(window.silentAfterMinMs, window.silentAfterSteps * effectivePace(data, window));
}

/**
 * Writes the one record of this silence. It carries all channels without values, and the outcome `filled`, since no
 * reading stands behind it.
 */
function emitSilence(device: DeviceState, window: WindowProfile, nowMs: number, out: FrameBatch): void {
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
