/**
 * The window stage: from readings as they arrive to frames in order of event time.
 *
 * Time. *Event time* is when the device measured; *log time* is when the door took the reading, the latest one so far
 * (a chunk that says less does not turn it back). Log time moves before the first record of a chunk is handled, so deadlines
 * that pass with a chunk pass before its readings, however the log is cut into chunks. Nothing else is called time here.
 *
 * Each reading gets exactly one outcome, and exactly one record that is not `filled`, `silence`, `forgotten` or `command`
 * carries it:
 *
 * | reading                                                              | outcome                                |
 * | -------------------------------------------------------------------- | -------------------------------------- |
 * | event time not a finite number, or a new device and no room          | `invalid`                              |
 * | dated after log time + `maxFutureMs`                                 | `future`; touches nothing              |
 * | older than the device's watermark, one of its last 32 used readings  | `duplicate`; other values: `conflict`  |
 * | older than the watermark, otherwise                                  | `late`                                 |
 * | at the last frame's time, some value differs from one measured then  | `conflict`; nothing of it is used      |
 * | at the last frame's time, brings no value of a new channel           | `duplicate`                            |
 * | at the last frame's time, brings values of new channels              | `scored`: a further frame at that time |
 * | any other                                                            | `scored`: a frame at its own time      |
 *
 * Values are equal when `Object.is` says so. NaN means "no value": it contradicts nothing and brings nothing.
 *
 * Watermark: latest usable event time − `latenessMs`. With the default 0 a reading in order is a frame at once. Else
 * readings wait until the watermark reaches them or log time reaches their arrival + `latenessMs`; what then leaves takes the
 * watermark with it. `joinMs`: the readings of one time wait for the channels that the device showed in its last 8 frames, at
 * most `joinMs` of log time from the first of them; a frame that waits holds back those after it. See `joinStep` for what is
 * written. At most 1,024 readings wait in a device; then the oldest go early.
 *
 * Interval: `stepMs`, or the median of the last 15 (`sampling-interval.ts`); 0 for irregular devices, which have no gaps.
 * Gap: `round(interval / step) − 1` steps. `hold` and `linear` fill up to `maxFilledSteps` with frames of outcome `filled`
 * before the frame that ends the gap, which then has `gapSteps` 0; a longer gap is only counted. In a frame, a channel
 * without a value has its last one (`hold`, `linear`) or NaN (`missing`), imputed 1.
 *
 * Channels are kept in order of appearance and never leave. One more than `maxChannels` is dropped with its value, as if the
 * reading had not carried it; `WindowState.droppedValues` counts.
 *
 * Silence: a live device that sends nothing usable for too long gets one `silence` record, and the next only after a usable
 * reading. Live: its last reading arrived within 5 minutes or 10 intervals of its event time, or log time went on at least
 * half as fast as event time over 8 arrivals or more, so that a wrong clock hides nothing and a file is never silent. Too
 * long: max(`silentAfterMinMs`, `silentAfterSteps` intervals, 3 usual pauses) of log time. The usual pause is the second
 * longest of late between arrivals in which the device went on measuring (`arrivals.ts`): a gateway that uploads once a minute
 * is awaited in minutes. While its interval is unknown, or is learned and its pauses are not known yet, a device cannot be
 * silent; an irregular one counts in its longest recent interval. Where log time itself jumps more than 30 s over the deadline, Redshank was away, not the
 * device, and the wait begins anew. Frames that wait leave first. A changed profile acts from the next reading on. Where at
 * least 3 late or future readings came instead, the latest of them in the second half of the wait, the silence says so.
 *
 * Clock set back: more than 64 late readings in a row, with times that ascend while log time goes on at least half as fast,
 * restart the device's timeline; where they are over 5 minutes (10 intervals) behind their arrival, only after nothing usable
 * came for as long as makes a silence. So a backlog that is sent again all at once, or among live readings, stays late, and
 * one that is sent again at the pace of the clock, and nothing else with it, counts as the present. Only there do the event
 * times of a device's frames step back.
 *
 * Devices: at most `MAX_DEVICES` a partition. A new one beyond that takes the place of those that were longest without a
 * usable reading, if that is over 7 days (`device-limit.ts`; at most 1 in 64 leaves, at most once an hour of log time); each
 * of these gets a record `forgotten`. Else each reading of the new one is `invalid`, under the profile `standard`.
 * `device.forget`: what waits in the device leaves, then nothing of it is remembered.
 *
 * State: 584 bytes a device of one channel, 16 a further channel. Cost O(channels) a reading; one in order makes no object.
 */
import { parseCommand } from '../domain/command.js';
import { FrameBatch } from '../domain/frame-batch.js';
import { ReadingBatch, ReadingKind } from '../domain/reading-batch.js';
import type { Stage } from './stage.js';
import { hasRoom } from './window/device-limit.js';
import { refuseStranger, release, releaseAll, takeReading } from './window/event-time.js';
import { meetSilence } from './window/silence.js';
import { decodeSnapshot, encodeSnapshot } from './window/snapshot.js';
import { dueMs, WindowState } from './window/window-state.js';

export { MAX_DEVICES, WindowState } from './window/window-state.js';

/**
 * Reads `readings`, writes `frames`.
 *
 * @example
 * const state = windowStage.createState();
 * const out = windowStage.createOutput();
 * const batch = windowStage.decode(bytes);
 * for (let i = 0; i < batch.length; i++) windowStage.step(state, batch, i, out);
 * windowStage.advance(state, batch.receivedMs, out);
 */
export const windowStage: Stage<WindowState, ReadingBatch, FrameBatch> = {
  name: 'window',
  input: 'readings',
  output: 'frames',

  createState: () => new WindowState(),
  decode: (bytes) => ReadingBatch.decode(bytes),
  createOutput: () => FrameBatch.create(),

  step(state, batch, index, out) {
    passTime(state, batch.receivedMs, out);
    const timeMs = batch.timeMs.data[index]!;
    if (batch.kind.data[index] === ReadingKind.command) {
      const text = batch.commandText(index);
      const command = parseCommand(text);
      if (command !== undefined) state.profiles.apply(command);
      if (command?.type === 'device.forget') forgetDevice(state, batch, index, out);
      out.addCommand(batch.deviceKey(index), timeMs, state.logMs, text);
      return;
    }
    const set = state.setAt(batch, index);
    const { data } = batch.values;
    const from = batch.start(index);
    const known = state.deviceAt(batch, index);
    const key = batch.deviceKey(index);
    if (known !== undefined) takeReading(state, known, set, data, from, timeMs, out);
    else if (hasRoom(state, out)) takeReading(state, state.addDevice(key), set, data, from, timeMs, out);
    else refuseStranger(state, state.strangerOf(key), set, data, from, timeMs, out);
  },

  advance: passTime,

  wakeMs(state) {
    const { deadlines } = state;
    for (;;) {
      const top = deadlines.top();
      if (top === undefined) return Infinity;
      const due = dueMs(top);
      if (due === deadlines.topTime()) return due;
      deadlines.raiseTop(due);
    }
  },

  deviceCount: (state) => state.devices.size,
  snapshot: encodeSnapshot,
  restore: decodeSnapshot,
};

function forgetDevice(state: WindowState, batch: ReadingBatch, index: number, out: FrameBatch): void {
  const device = state.devices.get(batch.deviceKey(index));
  if (device === undefined) return;
  releaseAll(state, device, state.windowOf(device), out);
  state.forget(device);
}

/** Moves log time on to `timeMs` and handles the deadlines up to it, earliest first, equal ones by device key. */
function passTime(state: WindowState, timeMs: number, out: FrameBatch): void {
  if (!(timeMs > state.logMs)) return;
  if (timeMs === Infinity) throw new RangeError('log time must be finite, got Infinity');
  const { deadlines } = state;
  state.logMs = timeMs;
  for (let device = deadlines.top(); device !== undefined && deadlines.topTime() <= timeMs; device = deadlines.top()) {
    // An entry may be earlier than what it stands for: then only put it right.
    if (dueMs(device) <= deadlines.topTime()) {
      const window = state.windowOf(device);
      if (device.pending === undefined) meetSilence(device, window, timeMs, out);
      else release(state, device, window, out);
    }
    deadlines.raiseTop(dueMs(device));
  }
}
