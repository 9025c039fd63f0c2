/** The profiles in force at a position of the log. Part of the state of every stage. */
import picomatch from 'picomatch';
import type { Command } from '../domain/command.js';
import { completeProfile, DEFAULT_PROFILE, profileVersion, type ProfileDefinition } from './profile.js';

export interface ActiveProfile {
  readonly name: string;
  readonly version: string;
  readonly definition: ProfileDefinition;
}

/** Starts with `standard` in its default form, until the log says otherwise. */
export class ActiveProfiles {
  readonly #profiles = new Map<string, ActiveProfile>();
  #matchers: { readonly profile: ActiveProfile; readonly matches: (device: string) => boolean }[] = [];
  /** Grows with every change: compare it to know whether something that was looked up still holds. */
  revision = 0;

  constructor(entries: readonly { readonly name: string; readonly definition: unknown }[] = []) {
    this.#set(DEFAULT_PROFILE, {});
    for (const entry of entries) this.#set(entry.name, entry.definition);
    this.#rebuild();
  }

  apply(command: Command): void {
    if (command.type !== 'profile.activate') return;
    this.#set(command.profile, command.definition);
    this.#rebuild();
    this.revision++;
  }

  get(name: string): ActiveProfile {
    return this.#profiles.get(name) ?? this.#profiles.get(DEFAULT_PROFILE)!;
  }

  /** @param device the device id without its tenant. */
  forDevice(device: string): ActiveProfile {
    for (const { profile, matches } of this.#matchers) if (matches(device)) return profile;
    return this.#profiles.get(DEFAULT_PROFILE)!;
  }

  /** For snapshots; what the constructor takes. */
  entries(): readonly { readonly name: string; readonly definition: ProfileDefinition }[] {
    return [...this.#profiles.values()].map(({ name, definition }) => ({ name, definition }));
  }

  #set(name: string, partial: unknown): void {
    const definition = completeProfile(name, partial);
    this.#profiles.set(name, { name, version: profileVersion(definition), definition });
  }

  #rebuild(): void {
    this.#matchers = [...this.#profiles.values()]
      .filter((profile) => profile.definition.devices.length > 0)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      // `bash: true` lets `*` cross a slash: device ids are names, not paths.
      .map((profile) => ({ profile, matches: picomatch([...profile.definition.devices], { bash: true, dot: true }) }));
  }
}
