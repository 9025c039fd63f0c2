/** Puts the readings of one device in order of event time and decides what becomes of each. */
import { FrameKind, type FrameBatch } from '../../domain/frame-batch.js';
import { OutcomeCode } from '../../domain/outcome.js';
import type { WindowProfile } from '../../profiles/window-profile.js';
import type { ChannelSet } from './channel-set.js';
import { forgetTimeline, Slot, type DeviceState } from './device-state.js';
import { Novelty } from './frame-builder.js';
import { MAX_PENDING, PendingReadings, type PendingReading } from './pending-readings.js';
import { fingerprint, outcomeOfOld, remember } from './recall.js';
import { effectiveStep } from './sampling-interval.js';
import { armSilence, isNear, noteRefused, patienceMs } from './silence.js';
import { dueMs, type WindowState } from './window-state.js';

/** A join does not wait for a channel that had no value in this many frames: it has vanished. */
const EXPECTED_WITHIN = 8;

/** More late readings in a row than this, and a live device's clock was set back for good. */
const MAX_LATE_RUN = 64;

/** Gives the reading `values[from] …` of channels `set` its outcome, now or, where the profile waits, later. */
export function takeReading(
  state: WindowState,
  device: DeviceState,
  set: ChannelSet,
  values: Float64Array,
  from: number,
  timeMs: number,
  out: FrameBatch,
): void {
  const window = state.windowOf(device);
  const { data } = device;
  if (!Number.isFinite(timeMs)) {
    refuse(device, window, OutcomeCode.invalid, set, values, from, timeMs, state.logMs, out);
  } else if (timeMs > state.logMs + window.maxFutureMs) {
    noteRefused(data, OutcomeCode.future, timeMs, state.logMs);
    refuse(device, window, OutcomeCode.future, set, values, from, timeMs, state.logMs, out);
  } else if (timeMs < data[Slot.watermark]! && device.pending?.hasTime(timeMs) !== true) {
    takeOld(state, device, window, set, values, from, timeMs, out);
  } else if (timeMs === data[Slot.lastTime]) {
    const outcome = frameAgain(state, device, window, set, values, from, state.logMs, out);
    if (outcome === OutcomeCode.scored) used(state, device, window, timeMs);
  } else if (device.pending === undefined && window.latenessMs === 0 && window.joinMs === 0) {
    frameNext(state, device, window, set, values, from, timeMs, state.logMs, out);
    used(state, device, window, timeMs);
  } else {
    enqueue(state, device, window, set, values, from, timeMs);
    used(state, device, window, timeMs);
    release(state, device, window, out);
    state.deadlines.lower(device, dueMs(device));
  }
}

/** Lets go what no longer waits at the log time of now. */
export function release(state: WindowState, device: DeviceState, window: WindowProfile, out: FrameBatch): void {
  const { pending } = device;
  if (pending === undefined) return;
  const due = pending.dueTime(state.logMs);
  if (due > device.data[Slot.watermark]!) device.data[Slot.watermark] = due;
  while (pending.length > MAX_PENDING || (pending.length > 0 && isHeadReady(state, device, pending))) {
    frameStep(state, device, window, pending.takeHead(), out);
  }
  if (pending.length === 0) device.pending = undefined;
}

/** Lets go all that waits, whatever for. */
export function releaseAll(state: WindowState, device: DeviceState, window: WindowProfile, out: FrameBatch): void {
  const { pending } = device;
  if (pending === undefined) return;
  while (pending.length > 0) frameStep(state, device, window, pending.takeHead(), out);
  device.pending = undefined;
}

function used(state: WindowState, device: DeviceState, window: WindowProfile, timeMs: number): void {
  device.data[Slot.lateRun] = 0;
  armSilence(device.data, window, timeMs, state.logMs);
  state.deadlines.lower(device, dueMs(device));
}

/** The first reading of a time after the last frame's. */
function frameNext(
  state: WindowState,
  device: DeviceState,
  window: WindowProfile,
  set: ChannelSet,
  values: Float64Array,
  from: number,
  timeMs: number,
  receivedMs: number,
  out: FrameBatch,
): void {
  state.frames.open(device, window, timeMs);
  state.frames.absorb(device, window, set, values, from);
  state.frames.emit(device, window, receivedMs, out);
  remember(device.data, fingerprint(set, values, from, timeMs));
}

/** A further reading at the time of the last frame: a frame of its own if it brings new channels and contradicts nothing. */
function frameAgain(
  state: WindowState,
  device: DeviceState,
  window: WindowProfile,
  set: ChannelSet,
  values: Float64Array,
  from: number,
  receivedMs: number,
  out: FrameBatch,
): number {
  const timeMs = device.data[Slot.lastTime]!;
  const outcome = outcomeOf(state.frames.compare(device, window, set, values, from));
  if (outcome !== OutcomeCode.scored) {
    refuse(device, window, outcome, set, values, from, timeMs, receivedMs, out);
    return outcome;
  }
  state.frames.reopen(device);
  state.frames.absorb(device, window, set, values, from);
  state.frames.emit(device, window, receivedMs, out);
  remember(device.data, fingerprint(set, values, from, timeMs));
  return outcome;
}

/** The readings of one time, after they waited. */
function frameStep(
  state: WindowState,
  device: DeviceState,
  window: WindowProfile,
  readings: readonly PendingReading[],
  out: FrameBatch,
): void {
  const first = readings[0]!;
  if (first.joinUntilMs > first.receivedMs) {
    joinStep(state, device, window, readings, out);
    return;
  }
  frameNext(state, device, window, first.set, first.values, 0, first.timeMs, first.receivedMs, out);
  for (const reading of readings.slice(1)) {
    frameAgain(state, device, window, reading.set, reading.values, 0, reading.receivedMs, out);
  }
}

/**
 * One frame of all readings of a step. The frame is the record of the first reading. Each further reading leaves a record of
 * kind `refused`: with outcome `scored` when it became part of the frame, so that counts by outcome stay exact, else with
 * `duplicate` or `conflict`. The frame's arrival time is that of the last reading in it.
 */
function joinStep(
  state: WindowState,
  device: DeviceState,
  window: WindowProfile,
  readings: readonly PendingReading[],
  out: FrameBatch,
): void {
  const first = readings[0]!;
  let receivedMs = first.receivedMs;
  state.frames.open(device, window, first.timeMs);
  const outcomes = readings.map((reading, i) => {
    const { set, values } = reading;
    const outcome = i === 0 ? OutcomeCode.scored : outcomeOf(state.frames.compare(device, window, set, values, 0));
    if (outcome === OutcomeCode.scored) {
      state.frames.absorb(device, window, set, values, 0);
      remember(device.data, fingerprint(set, values, 0, reading.timeMs));
      receivedMs = reading.receivedMs;
    }
    return outcome;
  });
  state.frames.emit(device, window, receivedMs, out);
  for (let i = 1; i < readings.length; i++) {
    const { set, values, timeMs, receivedMs: arrivalMs } = readings[i]!;
    refuse(device, window, outcomes[i]!, set, values, 0, timeMs, arrivalMs, out);
  }
}

function enqueue(
  state: WindowState,
  device: DeviceState,
  window: WindowProfile,
  set: ChannelSet,
  values: Float64Array,
  from: number,
  timeMs: number,
): void {
  const { data } = device;
  device.pending ??= new PendingReadings();
  device.pending.add({
    timeMs,
    receivedMs: state.logMs,
    lateUntilMs: state.logMs + window.latenessMs,
    joinUntilMs: state.logMs + window.joinMs,
    set,
    values: values.slice(from, from + set.size),
  });
  data[Slot.maxTime] = Math.max(data[Slot.maxTime]!, timeMs);
  data[Slot.watermark] = Math.max(data[Slot.watermark]!, data[Slot.maxTime]! - window.latenessMs);
}

/** Whether the earliest waiting step is old enough, and has all channels or has waited for them long enough. */
function isHeadReady(state: WindowState, device: DeviceState, pending: PendingReadings): boolean {
  const { head } = pending;
  if (head.timeMs > device.data[Slot.watermark]!) return false;
  return head.joinUntilMs <= state.logMs || isHeadComplete(device, pending);
}

function isHeadComplete(device: DeviceState, pending: PendingReadings): boolean {
  const { data, set } = device;
  if (data[Slot.lastTime] === -Infinity) return false;
  const isThere = new Uint8Array(set.size);
  for (let i = pending.headLength() - 1; i >= 0; i--) {
    for (const at of pending.get(i).set.positionsIn(set)) if (at >= 0) isThere[at] = 1;
  }
  const ages = Slot.channels + set.size;
  return isThere.every((there, c) => there === 1 || data[ages + c]! >= EXPECTED_WITHIN);
}

/** A reading behind the watermark. */
function takeOld(
  state: WindowState,
  device: DeviceState,
  window: WindowProfile,
  set: ChannelSet,
  values: Float64Array,
  from: number,
  timeMs: number,
  out: FrameBatch,
): void {
  const outcome = outcomeOfOld(device.data, fingerprint(set, values, from, timeMs));
  if (outcome === OutcomeCode.late && isClockSetBack(device.data, window, timeMs, state.logMs)) {
    restart(state, device, window, out);
    takeReading(state, device, set, values, from, timeMs, out);
    return;
  }
  if (outcome === OutcomeCode.late) noteRefused(device.data, outcome, timeMs, state.logMs);
  refuse(device, window, outcome, set, values, from, timeMs, state.logMs, out);
}

/**
 * Counts late readings that look like those of a clock that was set back: times ascending, no usable reading between. After
 * more than `MAX_LATE_RUN` in a row, if log time went on at least half as fast as event time meanwhile, they are the device's
 * present. A backlog that is sent again fails that last test: it comes all at once. Where they are not near their arrival,
 * the device must also have sent nothing else for as long as makes a silence.
 */
function isClockSetBack(data: Float64Array, window: WindowProfile, timeMs: number, nowMs: number): boolean {
  if (data[Slot.lateRun] === 0 || timeMs < data[Slot.lateRunTime]!) {
    data[Slot.lateRun] = 0;
    data[Slot.lateRunFromTime] = timeMs;
    data[Slot.lateRunFromLog] = nowMs;
  }
  data[Slot.lateRun]!++;
  data[Slot.lateRunTime] = timeMs;
  const eventMs = timeMs - data[Slot.lateRunFromTime]!;
  const logMs = nowMs - data[Slot.lateRunFromLog]!;
  if (data[Slot.lateRun]! <= MAX_LATE_RUN || logMs <= 0 || logMs < eventMs / 2) return false;
  return isNear(data, window, timeMs, nowMs) || nowMs - data[Slot.lastArrival]! > patienceMs(data, window);
}

/** Sends all that waits on its way and begins a new timeline. From here event times may be ones that were there before. */
function restart(state: WindowState, device: DeviceState, window: WindowProfile, out: FrameBatch): void {
  const { pending } = device;
  while (pending !== undefined && pending.length > 0) frameStep(state, device, window, pending.takeHead(), out);
  device.pending = undefined;
  forgetTimeline(device.data);
}

function outcomeOf(novelty: Novelty): number {
  if (novelty === Novelty.contradiction) return OutcomeCode.conflict;
  return novelty === Novelty.something ? OutcomeCode.scored : OutcomeCode.duplicate;
}

/** A reading of a device that there is no room for. */
export function refuseStranger(
  state: WindowState,
  device: DeviceState,
  set: ChannelSet,
  values: Float64Array,
  from: number,
  timeMs: number,
  out: FrameBatch,
): void {
  const { window } = device.profile.definition;
  refuse(device, window, OutcomeCode.invalid, set, values, from, timeMs, state.logMs, out);
}

/** Passes a reading on that makes no frame, with what it carried. */
function refuse(
  device: DeviceState,
  window: WindowProfile,
  outcome: number,
  set: ChannelSet,
  values: Float64Array,
  from: number,
  timeMs: number,
  receivedMs: number,
  out: FrameBatch,
): void {
  const at = out.add(
    FrameKind.refused,
    outcome,
    device.key,
    timeMs,
    receivedMs,
    effectiveStep(device.data, window),
    0,
    device.profile.name,
    set.names,
  );
  for (let c = 0; c < set.size; c++) {
    const value = values[from + c]!;
    out.values.data[at + c] = value;
    out.imputed.data[at + c] = Number.isNaN(value) ? 1 : 0;
  }
}
