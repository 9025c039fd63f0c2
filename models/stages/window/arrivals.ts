/**
 * How a device's readings arrive, in log time: how long the pauses between arrivals are, and whether event time goes on at
 * the pace of log time. Readings that arrive at one log time are one arrival, so a whole upload is one.
 */
import type { WindowProfile } from '../../profiles/window-profile.js';
import { Slot } from './device-state.js';
import { effectivePace } from './sampling-interval.js';

/** Pauses shorter than this share of the interval are those within an upload. */
const WITHIN_UPLOAD = 1 / 4;

/**
 * A pause fades with log time, as e^(−t/span): of an hour, so that a hiccup every ten minutes is remembered, or of four times
 * the pause itself, so that one upload a day is remembered until the next but one.
 */
const FADE_MIN_MS = 3_600_000;
const FADE_PAUSES = 4;

/** The pace of event time is judged over so many arrivals, and over two usual pauses at least. */
const PACE_ARRIVALS = 8;

/** A usable reading arrived at log time `nowMs`; `Slot.maxTime` knows it already. */
export function noteArrival(data: Float64Array, window: WindowProfile, nowMs: number): void {
  const pauseMs = nowMs - data[Slot.pauseFrom]!;
  const restMs = data[Slot.maxTime]! - data[Slot.arrivalTime]!;
  data[Slot.pauseFrom] = nowMs;
  data[Slot.arrivalTime] = data[Slot.maxTime]!;
  if (data[Slot.paceFromLog] === -Infinity) beginPace(data, nowMs);
  if (!(pauseMs > 0) || pauseMs === Infinity) return;
  const pace = effectivePace(data, window);
  // What the device was off itself, beyond an interval, is no pause in arrivals: off at night does not mean slow by day.
  const offMs = pace > 0 && restMs > pace && restMs < Infinity ? restMs - pace : 0;
  // Many intervals arrived in far less time than they took: a pause within an upload, which says nothing of those between.
  const isWithinUpload = pace > 0 && restMs < Infinity && restMs > 4 * pauseMs;
  if (!isWithinUpload) notePause(data, pauseMs, Math.max(0, pauseMs - offMs));
  judgePace(data, window, nowMs);
}

/**
 * The longest pause in arrivals that is usual, in ms of log time; 0 while unknown. It is the second longest of late: what
 * happened twice may happen again, and once may be an outage of the network.
 */
export function usualPauseMs(data: Float64Array, window: WindowProfile): number {
  const least = effectivePace(data, window) * WITHIN_UPLOAD;
  const second = data[Slot.secondPause]!;
  const longest = data[Slot.longestPause]!;
  if (second >= least) return second;
  return longest >= least ? longest : 0;
}

/** Whether event time and log time lately went on together. A file that is ingested fast runs ahead of log time. */
export function isOnPace(data: Float64Array): boolean {
  return data[Slot.isOnPace] === 1;
}

function notePause(data: Float64Array, elapsedMs: number, pauseMs: number): void {
  const longest = faded(data[Slot.longestPause]!, elapsedMs);
  const second = faded(data[Slot.secondPause]!, elapsedMs);
  data[Slot.longestPause] = Math.max(longest, pauseMs);
  data[Slot.secondPause] = Math.max(second, Math.min(longest, pauseMs));
}

/** No power and no exponential: their last bits are not the same on every machine, and these numbers are part of snapshots. */
function faded(pauseMs: number, elapsedMs: number): number {
  const span = Math.max(FADE_MIN_MS, FADE_PAUSES * pauseMs);
  return (pauseMs * span) / (span + elapsedMs);
}

function beginPace(data: Float64Array, nowMs: number): void {
  data[Slot.paceFromTime] = data[Slot.maxTime]!;
  data[Slot.paceFromLog] = nowMs;
  data[Slot.pacePauses] = 0;
}

function judgePace(data: Float64Array, window: WindowProfile, nowMs: number): void {
  data[Slot.pacePauses]!++;
  const eventMs = data[Slot.maxTime]! - data[Slot.paceFromTime]!;
  const logMs = nowMs - data[Slot.paceFromLog]!;
  // Readings of one time that come apart say nothing about the pace; nor does a part of an upload.
  if (data[Slot.pacePauses]! < PACE_ARRIVALS || eventMs <= 0 || logMs < 2 * usualPauseMs(data, window)) return;
  data[Slot.isOnPace] = logMs >= eventMs / 2 ? 1 : 0;
  beginPace(data, nowMs);
}
