/** Makes one frame of one device: opens a time, takes one or several readings in, writes fills and the frame. */
import { FrameKind, type FrameBatch } from '../../domain/frame-batch.js';
import { OutcomeCode } from '../../domain/outcome.js';
import type { WindowProfile } from '../../profiles/window-profile.js';
import type { ChannelSet, ChannelSetTable } from './channel-set.js';
import { Slot, type DeviceState } from './device-state.js';
import { effectiveStep, learnInterval } from './sampling-interval.js';

/** What a reading brings to a time of which a frame or a part of one is there already. */
export const Novelty = { nothing: 0, contradiction: 1, something: 2 } as const;
export type Novelty = (typeof Novelty)[keyof typeof Novelty];

const identity = new Map<number, Int32Array>();

export class FrameBuilder {
  /** Values that found no place because the device has `maxChannels` already. */
  droppedValues = 0;
  readonly #sets: ChannelSetTable;
  /** 1 where the reading in hand measured the channel. */
  #fresh = new Uint8Array(16);
  #before = new Float64Array(16);
  #fromTime = -Infinity;
  #gapSteps = 0;
  #fills = 0;

  constructor(sets: ChannelSetTable) {
    this.#sets = sets;
  }

  /** Starts the frame of a time after the device's last. Learns from the interval; decides on the gap. */
  open(device: DeviceState, window: WindowProfile, timeMs: number): void {
    const { data } = device;
    const channels = device.set.size;
    this.#reset(channels);
    this.#fromTime = data[Slot.lastTime]!;
    if (this.#fromTime > -Infinity) {
      learnInterval(data, timeMs - this.#fromTime);
      const step = effectiveStep(data, window);
      if (step > 0) this.#gapSteps = Math.max(0, Math.round((timeMs - this.#fromTime) / step) - 1);
      if (window.gapPolicy !== 'missing' && this.#gapSteps > 0 && this.#gapSteps <= window.maxFilledSteps) {
        this.#fills = this.#gapSteps;
        this.#gapSteps = 0;
        for (let c = 0; c < channels; c++) this.#before[c] = data[Slot.channels + c]!;
      }
    }
    data[Slot.lastTime] = timeMs;
    if (timeMs > data[Slot.maxTime]!) data[Slot.maxTime] = timeMs;
    if (timeMs > data[Slot.watermark]!) data[Slot.watermark] = timeMs;
    for (let age = Slot.channels + channels; age < data.length; age++) data[age]!++;
  }

  /** Starts a further frame at the time of the last one. */
  reopen(device: DeviceState): void {
    this.#reset(device.set.size);
  }

  /** Compares a reading with what was measured at the open or last time. Only exact equality is equal; NaN says nothing. */
  compare(device: DeviceState, window: WindowProfile, set: ChannelSet, values: Float64Array, from: number): Novelty {
    const { data } = device;
    const ages = Slot.channels + device.set.size;
    const hasRoom = device.set.size < window.maxChannels;
    const positions = positionsOf(set, device.set);
    let novelty: Novelty = Novelty.nothing;
    for (let c = 0; c < positions.length; c++) {
      const at = positions[c]!;
      const value = values[from + c]!;
      if (Number.isNaN(value)) continue;
      if (at < 0) {
        if (hasRoom) novelty = Novelty.something;
      } else if (data[ages + at] !== 0) novelty = Novelty.something;
      else if (!Object.is(value, data[Slot.channels + at])) return Novelty.contradiction;
    }
    return novelty;
  }

  /** Takes the values of a reading over; channels that appear are added, as long as there is room. */
  absorb(device: DeviceState, window: WindowProfile, set: ChannelSet, values: Float64Array, from: number): void {
    let positions = positionsOf(set, device.set);
    if (set !== device.set && device.set.size < window.maxChannels && positions.includes(-1)) {
      const grown = this.#sets.extend(device.set, set, window.maxChannels);
      if (grown !== device.set) {
        this.#reserve(grown.size);
        this.#fresh.fill(0, device.set.size, grown.size);
        this.#before.fill(NaN, device.set.size, grown.size);
        device.growTo(grown);
        positions = set.positionsIn(grown);
      }
    }
    const { data } = device;
    const ages = Slot.channels + device.set.size;
    for (let c = 0; c < positions.length; c++) {
      const at = positions[c]!;
      const value = values[from + c]!;
      if (Number.isNaN(value)) continue;
      if (at < 0) {
        this.droppedValues++;
        continue;
      }
      data[Slot.channels + at] = value;
      data[ages + at] = 0;
      this.#fresh[at] = 1;
    }
  }

  /** Writes the filled steps, if any, and the frame. */
  emit(device: DeviceState, window: WindowProfile, receivedMs: number, out: FrameBatch): void {
    const { data, set } = device;
    const step = effectiveStep(data, window);
    if (this.#fills > 0) this.#emitFills(device, window, receivedMs, step, out);
    const timeMs = data[Slot.lastTime]!;
    const at = out.add(
      FrameKind.frame,
      OutcomeCode.scored,
      device.key,
      timeMs,
      receivedMs,
      step,
      this.#gapSteps,
      device.profile.name,
      set.names,
    );
    const values = out.values.data;
    const imputed = out.imputed.data;
    const holds = window.gapPolicy !== 'missing';
    for (let c = 0; c < set.size; c++) {
      const isFresh = this.#fresh[c] === 1;
      values[at + c] = isFresh || holds ? data[Slot.channels + c]! : NaN;
      imputed[at + c] = isFresh ? 0 : 1;
    }
  }

  #emitFills(device: DeviceState, window: WindowProfile, receivedMs: number, step: number, out: FrameBatch): void {
    const { data, set } = device;
    const spacing = (data[Slot.lastTime]! - this.#fromTime) / (this.#fills + 1);
    for (let k = 1; k <= this.#fills; k++) {
      const share = window.gapPolicy === 'linear' ? k / (this.#fills + 1) : 0;
      const exact = this.#fromTime + k * spacing;
      const at = out.add(
        FrameKind.frame,
        OutcomeCode.filled,
        device.key,
        // Whole milliseconds, as long as that keeps times apart.
        spacing >= 1 ? Math.round(exact) : exact,
        receivedMs,
        step,
        0,
        device.profile.name,
        set.names,
      );
      for (let c = 0; c < set.size; c++) {
        const before = this.#before[c]!;
        const isLine = share > 0 && this.#fresh[c] === 1;
        out.values.data[at + c] = isLine ? before + share * (data[Slot.channels + c]! - before) : before;
        out.imputed.data[at + c] = 1;
      }
    }
  }

  #reset(channels: number): void {
    this.#reserve(channels);
    this.#fresh.fill(0, 0, channels);
    this.#gapSteps = 0;
    this.#fills = 0;
  }

  #reserve(channels: number): void {
    if (channels <= this.#fresh.length) return;
    const fresh = new Uint8Array(channels * 2);
    const before = new Float64Array(channels * 2);
    fresh.set(this.#fresh);
    before.set(this.#before);
    this.#fresh = fresh;
    this.#before = before;
  }
}

/** `source.positionsIn(target)`, without a look-up in the usual case that both are one set. */
function positionsOf(source: ChannelSet, target: ChannelSet): Int32Array {
  if (source !== target) return source.positionsIn(target);
  let positions = identity.get(source.size);
  if (positions === undefined) {
    positions = Int32Array.from({ length: source.size }, (_, c) => c);
    identity.set(source.size, positions);
  }
  return positions;
}
