/** When a device that sends nothing usable any more is said to be silent. */
import { FrameKind, type FrameBatch } from '../../domain/frame-batch.js';
import { OutcomeCode } from '../../domain/outcome.js';
import type { WindowProfile } from '../../profiles/window-profile.js';
import { isOnPace, noteArrival, usualPauseMs } from './arrivals.js';
import { Slot, type DeviceState } from './device-state.js';
import { effectivePace, effectiveStep } from './sampling-interval.js';

/** A reading that arrives within this many of the device's intervals, or `NEAR_MIN_MS`, of its event time is near it. */
const NEAR_STEPS = 10;
const NEAR_MIN_MS = 300_000;

/** A device is silent after so many of its usual pauses, if that is longer than what the profile says. */
const SILENT_PAUSES = 3;

/** So many refused readings, and what is wrong is the clock; fewer may be stragglers of a device that died. */
const MIN_REFUSED = 3;

/**
 * While Redshank runs, log time passes a deadline within a second or two: the host sends a tick. A deadline that is met later
 * than this was missed by us, and all devices would seem silent at once: they get the same time once more.
 */
const OUR_ABSENCE_MS = 30_000;

export function isNear(data: Float64Array, window: WindowProfile, timeMs: number, nowMs: number): boolean {
  return nowMs - timeMs <= Math.max(NEAR_STEPS * effectivePace(data, window), NEAR_MIN_MS);
}

/** A usable reading of event time `timeMs` arrived at log time `nowMs`, and `Slot.maxTime` knows it. */
export function armSilence(data: Float64Array, window: WindowProfile, timeMs: number, nowMs: number): void {
  noteArrival(data, window, nowMs);
  data[Slot.lastArrival] = nowMs;
  data[Slot.refusedCount] = 0;
  // A file of last year is not live: its end is no silence. A device whose clock is wrong, however far, is.
  const isLive = isNear(data, window, timeMs, nowMs) || isOnPace(data);
  const pace = effectivePace(data, window);
  // Who states the interval says what to expect, also of a new device.
  const isKnown = window.stepMs > 0 || usualPauseMs(data, window) > 0;
  const canBeSilent = pace > 0 && window.silentAfterSteps > 0 && isLive && isKnown;
  data[Slot.silentAt] = canBeSilent ? nowMs + patienceMs(data, window) : Infinity;
}

/** A late or future reading arrived: no use, but a sign of life. */
export function noteRefused(data: Float64Array, outcome: number, timeMs: number, nowMs: number): void {
  data[Slot.refusedCount]!++;
  data[Slot.refusedAt] = nowMs;
  data[Slot.refusedBy] = timeMs - (outcome === OutcomeCode.future ? nowMs : data[Slot.maxTime]!);
}

/** The deadline of a silence has passed at log time `nowMs`: writes its record, unless it was us who were away. */
export function meetSilence(device: DeviceState, window: WindowProfile, nowMs: number, out: FrameBatch): void {
  const { data } = device;
  if (nowMs - data[Slot.silentAt]! > OUR_ABSENCE_MS) {
    data[Slot.silentAt] = nowMs + patienceMs(data, window);
    data[Slot.pauseFrom] = nowMs;
  } else emitSilence(device, window, nowMs, out);
}

/** How long to wait for a usable reading, in ms of log time. */
export function patienceMs(data: Float64Array, window: WindowProfile): number {
  return Math.max(
    window.silentAfterMinMs,
    window.silentAfterSteps * effectivePace(data, window),
    SILENT_PAUSES * usualPauseMs(data, window),
  );
}

/**
 * Writes the one record of this silence. It carries all channels without values. Its outcome is `filled`, since no reading
 * stands behind it, or that of the readings that do arrive and cannot be used.
 */
function emitSilence(device: DeviceState, window: WindowProfile, nowMs: number, out: FrameBatch): void {
  const { data, set } = device;
  const elapsedMs = nowMs - data[Slot.lastArrival]!;
  const pace = effectivePace(data, window);
  const step = effectiveStep(data, window);
  const outcome = outcomeOfSilence(data, nowMs);
  let steps = pace > 0 ? Math.floor(elapsedMs / pace) : 0;
  if (outcome !== OutcomeCode.filled) steps = step > 0 ? Math.abs(data[Slot.refusedBy]!) / step : 0;
  const timeMs = data[Slot.maxTime]! + elapsedMs;
  const at = out.add(
    FrameKind.silence,
    outcome,
    device.key,
    timeMs,
    nowMs,
    step,
    steps,
    device.profile.name,
    set.names,
  );
  out.values.data.fill(NaN, at, at + set.size);
  out.imputed.data.fill(1, at, at + set.size);
  data[Slot.silentAt] = Infinity;
}

/** Readings that all came at the beginning of the wait are the device's last, not its present. */
function outcomeOfSilence(data: Float64Array, nowMs: number): number {
  const stillArrive = data[Slot.refusedAt]! - data[Slot.lastArrival]! >= (nowMs - data[Slot.lastArrival]!) / 2;
  if (data[Slot.refusedCount]! < MIN_REFUSED || !stillArrive) return OutcomeCode.filled;
  return data[Slot.refusedBy]! > 0 ? OutcomeCode.future : OutcomeCode.late;
}
