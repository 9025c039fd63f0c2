/** What the owner of a partition remembers for the window stage. */
import type { ReadingBatch } from '../../domain/reading-batch.js';
import { deviceOf, type DeviceKey } from '../../domain/identity.js';
import { ActiveProfiles } from '../../profiles/active-profiles.js';
import type { WindowProfile } from '../../profiles/window-profile.js';
import { ChannelSetTable, type ChannelSet } from './channel-set.js';
import { DeadlineHeap } from './deadline-heap.js';
import { DeviceState, newDeviceData, Slot } from './device-state.js';
import { FrameBuilder } from './frame-builder.js';

export class WindowState {
  /** Log time: the latest arrival seen, Unix ms; -Infinity before the first. */
  logMs = -Infinity;
  readonly profiles: ActiveProfiles;
  readonly devices = new Map<DeviceKey, DeviceState>();
  readonly sets = new ChannelSetTable();
  readonly deadlines = new DeadlineHeap();
  readonly frames = new FrameBuilder(this.sets);
  readonly #noChannels = this.sets.intern([]);
  // Looked up once a chunk, not once a reading. Checked at each use, since a batch may be cleared and filled again.
  #batch: ReadingBatch | undefined;
  #batchDevices: DeviceState[] = [];
  #batchSets: { readonly names: readonly string[]; readonly set: ChannelSet }[] = [];

  constructor(profiles: ActiveProfiles = new ActiveProfiles()) {
    this.profiles = profiles;
  }

  /**
   * Values that were dropped since the log began, because their device has `maxChannels` channels already. Their readings
   * are scored without them.
   */
  get droppedValues(): number {
    return this.frames.droppedValues;
  }

  /** The device of record `i`; a new one when it was never seen. */
  deviceAt(batch: ReadingBatch, i: number): DeviceState {
    this.#look(batch);
    const index = batch.device.data[i]!;
    const key = batch.devices.get(index);
    const cached = this.#batchDevices[index];
    if (cached?.key === key) return cached;
    let device = this.devices.get(key);
    if (device === undefined) {
      const profile = this.profiles.forDevice(deviceOf(key));
      device = new DeviceState(key, newDeviceData(0), this.#noChannels, profile, this.profiles.revision);
      this.devices.set(key, device);
    }
    this.#batchDevices[index] = device;
    return device;
  }

  /** The channels of record `i`. */
  setAt(batch: ReadingBatch, i: number): ChannelSet {
    this.#look(batch);
    const index = batch.ref.data[i]!;
    const names = batch.channelSets.get(index);
    const cached = this.#batchSets[index];
    if (cached?.names === names) return cached.set;
    const set = this.sets.intern(names);
    this.#batchSets[index] = { names, set };
    return set;
  }

  /** The settings in force for a device. Also brings `device.profile` up to date. */
  windowOf(device: DeviceState): WindowProfile {
    if (device.revision !== this.profiles.revision) {
      device.profile = this.profiles.forDevice(deviceOf(device.key));
      device.revision = this.profiles.revision;
    }
    return device.profile.definition.window;
  }

  #look(batch: ReadingBatch): void {
    if (batch === this.#batch) return;
    this.#batch = batch;
    this.#batchDevices = [];
    this.#batchSets = [];
  }
}

/** Log time at which the device has something to do without a further reading; Infinity: never. Silence waits until nothing else does. */
export function dueMs(device: DeviceState): number {
  const { data, pending } = device;
  if (pending === undefined) return data[Slot.silentAt]!;
  return pending.head.timeMs <= data[Slot.watermark]! ? pending.head.joinUntilMs : pending.lateUntilMs;
}
