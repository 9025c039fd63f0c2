import { ChunkKind, decodeChunk, type Section } from '../../domain/chunk.js';
import { ChannelSets, StringTable } from '../../domain/columns.js';
import { StorageCorruptError } from '../../errors.js';
import { ActiveProfiles } from '../../profiles/active-profiles.js';
import { readStoredProfile, type ProfileDefinition } from '../../profiles/profile.js';
import type { LoadedModels } from '../../neural/loaded-models.js';
import { ScoringState } from './scoring-state.js';

/** Raise it with every change to what lies where in a device's numbers, and keep reading the version before. */
const SNAPSHOT_VERSION = 3;

interface ProfileEntry {
  readonly name: string;
  readonly definition: ProfileDefinition;
}

/** Sections: version; profiles; device keys; profile names; channel sets; a device's profile, set, length; all numbers. */
export function writeSnapshot(state: ScoringState): Section[] {
  const profiles = new StringTable();
  const channelSets = new ChannelSets();
  const count = state.devices.size;
  const profileIndex = new Uint32Array(count);
  const channelIndex = new Uint32Array(count);
  const lengths = new Uint32Array(count);
  let total = 0;
  let i = 0;
  for (const device of state.devices.values()) {
    profileIndex[i] = profiles.intern(device.profile.name);
    channelIndex[i] = channelSets.intern(device.channels);
    lengths[i] = device.values.length;
    total += device.values.length;
    i++;
  }
  const numbers = new Float64Array(total);
  let at = 0;
  for (const { values } of state.devices.values()) {
    numbers.set(values, at);
    at += values.length;
  }
  return [
    Uint32Array.of(SNAPSHOT_VERSION),
    state.profiles.entries().map((entry) => JSON.stringify(entry)),
    [...state.devices.keys()],
    profiles.list,
    channelSets.keys(),
    profileIndex,
    channelIndex,
    lengths,
    numbers,
  ];
}

/** Versions of the trained models that its profiles name. @throws StorageCorruptError as `readSnapshot` */
export function modelsOfSnapshot(bytes: Uint8Array): readonly string[] {
  return profilesOf(sectionsOf(bytes)).flatMap(
    ({ definition }) => readStoredProfile(definition)?.detection.model ?? [],
  );
}

/** @throws StorageCorruptError when `bytes` is no snapshot of this stage, or one that this release cannot read. */
export function readSnapshot(bytes: Uint8Array, models: LoadedModels): ScoringState {
  const sections = sectionsOf(bytes);
  const state = new ScoringState(new ActiveProfiles(profilesOf(sections)), models);
  const keys = sections[2] as string[];
  const names = sections[3] as string[];
  const channelSets = new ChannelSets(sections[4] as string[]);
  const [profileIndex, channelIndex, lengths] = sections.slice(5, 8) as Uint32Array[];
  const numbers = sections[8] as Float64Array;
  let at = 0;
  for (let i = 0; i < keys.length; i++) {
    const profile = state.profiles.get(names[profileIndex![i]!]!);
    const channels = state.share(channelSets.get(channelIndex![i]!));
    const length = lengths![i]!;
    const expected = state.ensemble(profile, channels).stateLength;
    if (length !== expected) {
      throw new StorageCorruptError(
        `a scorer's device of ${channels.length} channels must have ${expected} numbers, got ${length}`,
      );
    }
    // A copy: the chunk's bytes belong to the caller, and this array lives on.
    state.restoreDevice(keys[i]!, profile, channels, numbers.slice(at, at + length));
    at += length;
  }
  return state;
}

function sectionsOf(bytes: Uint8Array): readonly Section[] {
  const { sections } = decodeChunk(bytes, ChunkKind.snapshot);
  const version = sections[0];
  if (!(version instanceof Uint32Array) || version[0] !== SNAPSHOT_VERSION || sections.length !== 9) {
    throw new StorageCorruptError(`scorer snapshot version must be ${SNAPSHOT_VERSION}, got ${String(version?.[0])}`);
  }
  return sections;
}

function profilesOf(sections: readonly Section[]): ProfileEntry[] {
  return (sections[1] as string[]).map((text) => JSON.parse(text) as ProfileEntry);
}
