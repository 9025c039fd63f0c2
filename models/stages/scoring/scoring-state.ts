import type { DeviceKey } from '../../domain/identity.js';
import type { ActivateProfile } from '../../domain/command.js';
import type { FrameView } from '../../detectors/detector.js';
import { ActiveProfiles, type ActiveProfile } from '../../profiles/active-profiles.js';
import { ModelUnavailableError } from '../../errors.js';
import { NO_MODELS, type LoadedModels } from '../../neural/loaded-models.js';
import { Ensemble } from '../../scoring/ensemble.js';
import type { ModelForChannels } from '../../scoring/panel.js';

/** What the scorer remembers of a device. */
export interface DeviceState {
  profile: ActiveProfile;
  /** In order of appearance; shared between devices that have the same. */
  channels: readonly string[];
  /** Laid out by the ensemble of (profile, number of channels). */
  values: Float64Array;
}

/** Sets of channel names that are kept for sharing; beyond it a device has its own copy. */
const MAX_SHARED_SETS = 10_000;

/**
 * Ensembles are kept for so many channels in all, which is about 4 MB; each counts as some more for what does not depend on
 * them. The least lately used go first.
 */
const MAX_CACHED_CHANNELS = 4_096;
const CHANNELS_AN_ENSEMBLE = 16;

interface CachedEnsemble {
  readonly ensemble: Ensemble;
  usedAt: number;
}

/** Everything that the owner of a partition remembers of the stage `scorer`. */
export class ScoringState {
  readonly profiles: ActiveProfiles;
  readonly devices = new Map<DeviceKey, DeviceState>();
  /**
   * Ensembles by definition and number of channels; with a trained model, which asks for them by name, by the very list of names that
   * devices share. They have no memory, so which are cached changes no answer.
   */
  readonly #ensembles = new Map<string, Map<number | readonly string[], CachedEnsemble>>();
  #cachedChannels = 0;
  #uses = 0;
  readonly #sharedChannels = new Map<string, readonly string[]>();
  #frame: FrameView = emptyFrame(8);
  readonly #models: LoadedModels;

  constructor(profiles = new ActiveProfiles(), models: LoadedModels = NO_MODELS) {
    this.profiles = profiles;
    this.#models = models;
  }

  /**
   * @param names as `share` gives them
   * @throws ModelUnavailableError when the profile names a model that has not been loaded
   */
  ensemble(profile: ActiveProfile, names: readonly string[]): Ensemble {
    const { detection } = profile.definition;
    const channels = names.length;
    const key = detection.model === undefined ? channels : names;
    let bySize = this.#ensembles.get(profile.version);
    if (bySize === undefined) {
      bySize = new Map();
      this.#ensembles.set(profile.version, bySize);
    }
    let cached = bySize.get(key);
    if (cached === undefined) {
      cached = { ensemble: new Ensemble(detection, channels, this.#model(detection.model, names)), usedAt: 0 };
      bySize.set(key, cached);
      this.#cachedChannels += channels + CHANNELS_AN_ENSEMBLE;
      cached.usedAt = ++this.#uses;
      while (this.#cachedChannels > MAX_CACHED_CHANNELS && this.#dropOldest());
    }
    cached.usedAt = ++this.#uses;
    return cached.ensemble;
  }

  /** Ensembles that are kept at present. */
  get cachedEnsembles(): number {
    let count = 0;
    for (const bySize of this.#ensembles.values()) count += bySize.size;
    return count;
  }

  /** The one frame view of this state, with room for so many channels. */
  frame(channels: number): FrameView {
    if (this.#frame.values.length < channels) this.#frame = emptyFrame(2 * channels);
    return this.#frame;
  }

  /** The device's state, made new or fitted to the profile and channels it has now. */
  device(key: DeviceKey, profileName: string, channels: readonly string[]): DeviceState {
    const profile = this.profiles.get(profileName);
    const device = this.devices.get(key);
    if (device === undefined) {
      const shared = this.share(channels);
      const created: DeviceState = { profile, channels: shared, values: this.ensemble(profile, shared).createState() };
      this.devices.set(key, created);
      return created;
    }
    if (device.profile !== profile || !isSame(device.channels, channels)) this.#fit(device, profile, channels);
    return device;
  }

  /** @param channels as `share` gives them */
  restoreDevice(key: DeviceKey, profile: ActiveProfile, channels: readonly string[], values: Float64Array): void {
    this.devices.set(key, { profile, channels, values });
  }

  activate(command: ActivateProfile): void {
    const before = this.profiles.get(command.profile).version;
    this.profiles.apply(command);
    const after = this.profiles.get(command.profile);
    for (const device of this.devices.values()) {
      if (device.profile.name === after.name) this.#fit(device, after, device.channels);
    }
    if (before !== after.version) this.#forget(before);
  }

  /** @returns false when there is only the one in use */
  #dropOldest(): boolean {
    let oldest: CachedEnsemble | undefined;
    let version = '';
    let key: number | readonly string[] = 0;
    for (const [candidate, bySize] of this.#ensembles) {
      for (const [size, cached] of bySize) {
        if (oldest !== undefined && cached.usedAt >= oldest.usedAt) continue;
        oldest = cached;
        version = candidate;
        key = size;
      }
    }
    if (oldest === undefined || oldest.usedAt === this.#uses) return false;
    const { channels } = oldest.ensemble;
    const bySize = this.#ensembles.get(version)!;
    bySize.delete(key);
    if (bySize.size === 0) this.#ensembles.delete(version);
    this.#cachedChannels -= channels + CHANNELS_AN_ENSEMBLE;
    return true;
  }

  #model(version: string | undefined, channels: readonly string[]): ModelForChannels | undefined {
    if (version === undefined) return undefined;
    const artifact = this.#models.get(version);
    if (artifact === undefined) throw new ModelUnavailableError(`model ${version} is not loaded`);
    return { artifact, channels };
  }

  #forget(version: string): void {
    for (const { ensemble } of this.#ensembles.get(version)?.values() ?? []) {
      this.#cachedChannels -= ensemble.channels + CHANNELS_AN_ENSEMBLE;
    }
    this.#ensembles.delete(version);
  }

  #fit(device: DeviceState, profile: ActiveProfile, channels: readonly string[]): void {
    const isAlike = device.profile.version === profile.version && isSame(device.channels, channels);
    if (!isAlike) {
      const from = this.ensemble(device.profile, device.channels);
      const shared = this.share(channels);
      const to = this.ensemble(profile, shared);
      device.values = to.adopt(
        from,
        device.values,
        channels.map((channel) => device.channels.indexOf(channel)),
      );
      device.channels = shared;
    }
    device.profile = profile;
  }

  /** One list for all devices that have these channels. */
  share(channels: readonly string[]): readonly string[] {
    const key = channels.join('\n');
    const known = this.#sharedChannels.get(key);
    if (known !== undefined) return known;
    const copy = [...channels];
    if (this.#sharedChannels.size < MAX_SHARED_SETS) this.#sharedChannels.set(key, copy);
    return copy;
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function emptyFrame(channels: number): FrameView {
  return {
    values: new Float64Array(channels),
    imputed: new Uint8Array(channels),
    timeMs: NaN,
    stepMs: 0,
    gapSteps: 0,
  };
}
