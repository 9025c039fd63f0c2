/** The window stage's state as bytes. */
import { ChunkKind, decodeChunk, encodeChunk, type Section } from '../../domain/chunk.js';
import { ChannelSets, float64Column, uint32Column } from '../../domain/columns.js';
import { StorageCorruptError } from '../../errors.js';
import { ActiveProfiles } from '../../profiles/active-profiles.js';
import { DEFAULT_PROFILE } from '../../profiles/profile.js';
import { deviceDataLength, DeviceState, INTERVALS, RECALLED } from './device-state.js';
import { PendingReadings } from './pending-readings.js';
import { dueMs, WindowState } from './window-state.js';

export const WINDOW_SNAPSHOT_VERSION = 1;

/**
 * Sections: stage name · version, ring sizes, log time, dropped values, next sweep · profiles (name and JSON in turn) · channel sets ·
 * device keys · a set a device · all devices' numbers · of waiting readings: device, set, four times, values.
 * Devices are in order of appearance, so equal states have equal bytes.
 */
export function encodeSnapshot(state: WindowState): Uint8Array {
  const sets = new ChannelSets();
  const keys: string[] = [];
  const deviceSet = uint32Column();
  const data = float64Column();
  const pendingDevice = uint32Column();
  const pendingSet = uint32Column();
  const pendingTimes = float64Column();
  const pendingValues = float64Column();
  for (const device of state.devices.values()) {
    const index = keys.push(device.key) - 1;
    deviceSet.push(sets.intern(device.set.names));
    const start = data.extend(device.data.length);
    data.data.set(device.data, start);
    for (const reading of device.pending ?? []) {
      pendingDevice.push(index);
      pendingSet.push(sets.intern(reading.set.names));
      pendingTimes.push(reading.timeMs);
      pendingTimes.push(reading.receivedMs);
      pendingTimes.push(reading.lateUntilMs);
      pendingTimes.push(reading.joinUntilMs);
      const first = pendingValues.extend(reading.values.length);
      pendingValues.data.set(reading.values, first);
    }
  }
  return encodeChunk({ kind: ChunkKind.snapshot, epoch: 0, from: 0, to: 0, timeMs: state.logMs }, [
    ['window'],
    Float64Array.of(WINDOW_SNAPSHOT_VERSION, INTERVALS, RECALLED, state.logMs, state.droppedValues, state.nextSweepMs),
    state.profiles.entries().flatMap(({ name, definition }) => [name, JSON.stringify(definition)]),
    sets.keys(),
    keys,
    deviceSet.view(),
    data.view(),
    pendingDevice.view(),
    pendingSet.view(),
    pendingTimes.view(),
    pendingValues.view(),
  ]);
}

/** @throws StorageCorruptError when `bytes` is no snapshot of the window stage, or of a version that this code cannot read. */
export function decodeSnapshot(bytes: Uint8Array): WindowState {
  const { sections } = decodeChunk(bytes, ChunkKind.snapshot);
  const stage = strings(sections[0])[0];
  if (stage !== 'window') throw corrupt(`stage must be window, got ${stage ?? 'nothing'}`);
  const [version, intervals, recalled, logMs, droppedValues, nextSweepMs] = floats(sections[1]);
  if (version !== WINDOW_SNAPSHOT_VERSION) {
    throw corrupt(`version must be ${WINDOW_SNAPSHOT_VERSION}, got ${version ?? 'nothing'}`);
  }
  if (intervals !== INTERVALS || recalled !== RECALLED) {
    throw corrupt(`rings must hold ${INTERVALS} and ${RECALLED}, got ${intervals ?? 'none'} and ${recalled ?? 'none'}`);
  }
  if (logMs === undefined || droppedValues === undefined || nextSweepMs === undefined) {
    throw corrupt(`header must hold 6 numbers, got ${floats(sections[1]).length}`);
  }
  const state = new WindowState(readProfiles(strings(sections[2])));
  state.logMs = logMs;
  state.frames.droppedValues = droppedValues;
  state.nextSweepMs = nextSweepMs;
  const setNames = new ChannelSets(strings(sections[3])).sets;
  const sets = setNames.map((names) => state.sets.intern(names));
  const devices = readDevices(state, sets, sections);
  readPending(devices, sets, sections);
  for (const device of devices) state.deadlines.lower(device, dueMs(device));
  return state;
}

type Sets = readonly ReturnType<WindowState['sets']['intern']>[];

function readProfiles(texts: readonly string[]): ActiveProfiles {
  const entries: { name: string; definition: unknown }[] = [];
  try {
    for (let i = 0; i < texts.length; i += 2) entries.push({ name: texts[i]!, definition: JSON.parse(texts[i + 1]!) });
    return new ActiveProfiles(entries);
  } catch (cause) {
    throw new StorageCorruptError('window snapshot: its profiles cannot be read', { cause });
  }
}

function readDevices(state: WindowState, sets: Sets, sections: readonly Section[]): readonly DeviceState[] {
  const keys = strings(sections[4]);
  const deviceSet = integers(sections[5]);
  const data = floats(sections[6]);
  const standard = state.profiles.get(DEFAULT_PROFILE);
  let next = 0;
  const devices = keys.map((key, i) => {
    const set = sets[deviceSet[i] ?? -1];
    if (set === undefined) throw corrupt(`device ${i} of ${keys.length} has no channel set`);
    const length = deviceDataLength(set.size);
    if (next + length > data.length) throw corrupt(`device ${i} of ${keys.length} is cut short`);
    // Revision -1: the profile is looked up at the first use.
    const device = new DeviceState(key, data.slice(next, next + length), set, standard, -1);
    next += length;
    state.devices.set(key, device);
    return device;
  });
  if (next !== data.length) throw corrupt(`devices must take ${data.length} numbers, got ${next}`);
  return devices;
}

function readPending(devices: readonly DeviceState[], sets: Sets, sections: readonly Section[]): void {
  const owners = integers(sections[7]);
  const setOf = integers(sections[8]);
  const times = floats(sections[9]);
  const values = floats(sections[10]);
  let next = 0;
  for (let i = 0; i < owners.length; i++) {
    const device = devices[owners[i]!];
    const set = sets[setOf[i] ?? -1];
    if (device === undefined || set === undefined || times.length !== owners.length * 4) {
      throw corrupt(`waiting reading ${i} of ${owners.length} is cut short`);
    }
    device.pending ??= new PendingReadings();
    device.pending.add({
      timeMs: times[4 * i]!,
      receivedMs: times[4 * i + 1]!,
      lateUntilMs: times[4 * i + 2]!,
      joinUntilMs: times[4 * i + 3]!,
      set,
      values: values.slice(next, next + set.size),
    });
    next += set.size;
  }
  if (next !== values.length) throw corrupt(`waiting readings must take ${values.length} values, got ${next}`);
}

function strings(section: Section | undefined): readonly string[] {
  if (!Array.isArray(section)) throw corrupt('a section of text is missing');
  return section as readonly string[];
}

function floats(section: Section | undefined): Float64Array {
  if (!(section instanceof Float64Array)) throw corrupt('a section of numbers is missing');
  return section;
}

function integers(section: Section | undefined): Uint32Array {
  if (!(section instanceof Uint32Array)) throw corrupt('a section of indexes is missing');
  return section;
}

const corrupt = (message: string): StorageCorruptError => new StorageCorruptError(`window snapshot: ${message}`);
