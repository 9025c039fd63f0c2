/**
 * What the window stage remembers of one device: one Float64Array of 71 numbers and two a channel (584 bytes for one
 * channel), so that a million devices fit in memory and a snapshot is a copy.
 */
import type { DeviceKey } from '../../domain/identity.js';
import type { ActiveProfile } from '../../profiles/active-profiles.js';
import type { ChannelSet } from './channel-set.js';
import type { PendingReadings } from './pending-readings.js';

/** Intervals that the sampling interval is learned from. */
export const INTERVALS = 15;
/** Used readings remembered, to tell a repeated one from a late one. */
export const RECALLED = 32;

/** Numbers before the rings. */
const FIXED = 24;

/** Where things are in `DeviceState.data`. Times in Unix ms, spans in ms. A changed layout needs a new snapshot version. */
export const Slot = {
  /** Event time of the latest frame; -Infinity before the first. */
  lastTime: 0,
  /** Readings older than this are not used any more; >= `lastTime`. */
  watermark: 1,
  /** Latest event time of a used or waiting reading. */
  maxTime: 2,
  /** Log time at which the latest usable reading arrived. */
  lastArrival: 3,
  /** Log time at which the device counts as silent; Infinity: does not apply, or already said. */
  silentAt: 4,
  /** Learned sampling interval; 0 while unknown or irregular. */
  step: 5,
  /** What silence counts in: the learned interval, of an irregular device its longest recent one; 0 while unknown. */
  pace: 6,
  /** Intervals seen so far; the next one goes to this number modulo `INTERVALS`. */
  intervalCount: 7,
  /** Readings remembered so far; the next one goes to this number modulo `RECALLED`. */
  recallCount: 8,
  /** Late readings in a row that look like a clock set back. */
  lateRun: 9,
  /** Event and log time of the first of them, and event time of the last. */
  lateRunFromTime: 10,
  lateRunFromLog: 11,
  lateRunTime: 12,
  /** Log time from which the pause in arrivals counts that is going on: the last arrival, or our own return. */
  pauseFrom: 13,
  /** The two longest pauses of late that were no rest of the device, in ms of log time; both fade. */
  longestPause: 14,
  secondPause: 15,
  /** Latest event time and log time at which the pace of event time began to be judged, and pauses since. */
  paceFromTime: 16,
  paceFromLog: 17,
  pacePauses: 18,
  /** 1: by that judgement log time keeps up with event time. */
  isOnPace: 19,
  /** Late and future readings since the last usable one; log time of the latest. */
  refusedCount: 20,
  refusedAt: 21,
  /** By how many ms the latest of them was dated after its arrival, or (negative) before the newest used reading. */
  refusedBy: 22,
  /** Latest event time at the last arrival; -Infinity before the first of a timeline. */
  arrivalTime: 23,
  /** Where the ring of intervals begins, then that of fingerprints. */
  intervals: FIXED,
  recall: FIXED + INTERVALS,
  /** Then the latest value of each channel, then the age of each: distinct frame times since it was measured. */
  channels: FIXED + INTERVALS + RECALLED,
} as const;

export class DeviceState {
  readonly key: DeviceKey;
  data: Float64Array;
  set: ChannelSet;
  /** The profile as looked up at `revision` of the active profiles. */
  profile: ActiveProfile;
  revision: number;
  /** Place in the heap of deadlines; -1: not there. */
  heapIndex = -1;
  /** Readings that wait for their turn; only while some do. */
  pending: PendingReadings | undefined = undefined;

  constructor(key: DeviceKey, data: Float64Array, set: ChannelSet, profile: ActiveProfile, revision: number) {
    this.key = key;
    this.data = data;
    this.set = set;
    this.profile = profile;
    this.revision = revision;
  }

  /** Takes a larger set whose first channels are those of now. New channels have no value and were never measured. */
  growTo(set: ChannelSet): void {
    const before = this.set.size;
    const data = newDeviceData(set.size);
    data.set(this.data.subarray(0, Slot.channels + before));
    data.set(this.data.subarray(Slot.channels + before), Slot.channels + set.size);
    this.data = data;
    this.set = set;
  }
}

export function deviceDataLength(channels: number): number {
  return Slot.channels + 2 * channels;
}

/** Of a device that was never seen. */
export function newDeviceData(channels: number): Float64Array {
  const data = new Float64Array(deviceDataLength(channels));
  forgetTimeline(data);
  data[Slot.lastArrival] = -Infinity;
  data[Slot.pauseFrom] = -Infinity;
  data[Slot.silentAt] = Infinity;
  data.fill(-1, Slot.recall, Slot.recall + RECALLED);
  data.fill(NaN, Slot.channels, Slot.channels + channels);
  data.fill(Infinity, Slot.channels + channels);
  return data;
}

/** The next reading is the first of a new timeline. Values, sampling interval, pauses and recall stay. */
export function forgetTimeline(data: Float64Array): void {
  data[Slot.lastTime] = -Infinity;
  data[Slot.watermark] = -Infinity;
  data[Slot.maxTime] = -Infinity;
  data[Slot.lateRun] = 0;
  data[Slot.paceFromLog] = -Infinity;
  data[Slot.arrivalTime] = -Infinity;
}
