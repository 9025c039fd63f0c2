/** What the owner of a partition remembers for the window stage. */
import type { ReadingBatch } from '../../domain/reading-batch.js';
import { deviceOf, type DeviceKey } from '../../domain/identity.js';
import { ActiveProfiles } from '../../profiles/active-profiles.js';
import { DEFAULT_PROFILE } from '../../profiles/profile.js';
import type { WindowProfile } from '../../profiles/window-profile.js';
import { ChannelSetTable, type ChannelSet } from './channel-set.js';
import { DeadlineHeap } from './deadline-heap.js';
import { DeviceState, newDeviceData, Slot } from './device-state.js';
import { FrameBuilder } from './frame-builder.js';

/**
 * Devices that a partition remembers. Their states are then about 280 MB (1,115 bytes measured, one channel each); ids that are made up without
 * end must not take more.
 */
export const MAX_DEVICES = 250_000;

export class WindowState {
  /** Log time: the latest arrival seen, Unix ms; -Infinity before the first. */
  logMs = -Infinity;
  readonly profiles: ActiveProfiles;
  readonly devices = new Map<DeviceKey, DeviceState>();
  readonly sets = new ChannelSetTable();
  readonly deadlines = new DeadlineHeap();
  readonly frames = new FrameBuilder(this.sets);
  /** Log time before which a full state does not look for devices to forget. */
  nextSweepMs = -Infinity;
  readonly maxDevices: number;
  readonly #noChannels = this.sets.intern([]);
  // Looked up once a chunk, not once a reading. Checked at each use, since a batch may be cleared and filled again.
  #batch: ReadingBatch | undefined;
  #batchDevices: DeviceState[] = [];
  #batchSets: { readonly names: readonly string[]; readonly set: ChannelSet }[] = [];

  constructor(profiles: ActiveProfiles = new ActiveProfiles(), maxDevices = MAX_DEVICES) {
    this.profiles = profiles;
    this.maxDevices = maxDevices;
  }

  /**
   * Values that were dropped since the log began, because their device has `maxChannels` channels already. Their readings
   * are scored without them.
   */
  get droppedValues(): number {
    return this.frames.droppedValues;
  }

  /** The device of record `i`, or undefined when it is not known. */
  deviceAt(batch: ReadingBatch, i: number): DeviceState | undefined {
    this.#look(batch);
    const index = batch.device.data[i]!;
    const key = batch.devices.get(index);
    const cached = this.#batchDevices[index];
    if (cached?.key === key) return cached;
    const device = this.devices.get(key);
    if (device !== undefined) this.#batchDevices[index] = device;
    return device;
  }

  /** Begins to remember a device. `hasRoom` is asked before. */
  addDevice(key: DeviceKey): DeviceState {
    const device = this.strangerOf(key);
    this.devices.set(key, device);
    return device;
  }

  /** A device as it was before its first reading, which is not remembered. */
  strangerOf(key: DeviceKey): DeviceState {
    // Revision -1: the profile is looked up at the first use.
    return new DeviceState(key, newDeviceData(0), this.#noChannels, this.profiles.get(DEFAULT_PROFILE), -1);
  }

  forget(device: DeviceState): void {
    this.deadlines.remove(device);
    this.devices.delete(device.key);
    this.#batchDevices = [];
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
