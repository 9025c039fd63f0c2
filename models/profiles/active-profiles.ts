/** The profiles in force at a position of the log. Part of the state of every stage. */
import type { Command } from '../domain/command.js';
import { fitsPattern } from './device-pattern.js';
import {
  DEFAULT_PROFILE,
  isProfileName,
  profileVersion,
  readStoredProfile,
  type ProfileDefinition,
} from './profile.js';

export interface ActiveProfile {
  readonly name: string;
  readonly version: string;
  readonly definition: ProfileDefinition;
}

/** Starts with `standard` in its default form, until the log says otherwise. */
export class ActiveProfiles {
  readonly #profiles = new Map<string, ActiveProfile>();
  /** Those with patterns, by name. */
  #withPatterns: ActiveProfile[] = [];
  /** Grows with every change: compare it to know whether something that was looked up still holds. */
  revision = 0;

  constructor(entries: readonly { readonly name: string; readonly definition: unknown }[] = []) {
    this.#set(DEFAULT_PROFILE, {});
    for (const entry of entries) this.#set(entry.name, entry.definition);
    this.#rebuild();
  }

  /**
   * Follows a `profile.activate`. A definition that this release cannot use changes nothing: the door refuses such ones, and
   * one that slipped through, or comes from another release, must not stop the log.
   */
  apply(command: Command): void {
    if (command.type !== 'profile.activate' || !this.#set(command.profile, command.definition)) return;
    this.#rebuild();
    this.revision++;
  }

  get(name: string): ActiveProfile {
    return this.#profiles.get(name) ?? this.#profiles.get(DEFAULT_PROFILE)!;
  }

  /** @param device the device id without its tenant. */
  forDevice(device: string): ActiveProfile {
    const fits = (pattern: string): boolean => fitsPattern(pattern, device);
    const profile = this.#withPatterns.find(({ definition }) => definition.devices.some(fits));
    return profile ?? this.#profiles.get(DEFAULT_PROFILE)!;
  }

  /** For snapshots; what the constructor takes. */
  entries(): readonly { readonly name: string; readonly definition: ProfileDefinition }[] {
    return [...this.#profiles.values()].map(({ name, definition }) => ({ name, definition }));
  }

  #set(name: string, stored: unknown): boolean {
    const definition = isProfileName(name) ? readStoredProfile(stored) : undefined;
    if (definition === undefined) return false;
    this.#profiles.set(name, { name, version: profileVersion(definition), definition });
    return true;
  }

  #rebuild(): void {
    this.#withPatterns = [...this.#profiles.values()]
      .filter((profile) => profile.definition.devices.length > 0)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}
