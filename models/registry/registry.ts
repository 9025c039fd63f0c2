/**
 * The registry of models: names, immutable versions, and which version is champion, folded from its log.
 *
 * Today a model is the definition of a profile (detectors and their settings). A version is the hash of its content.
 */
import { ChunkKind, decodeChunk, encodeChunk } from '../domain/chunk.js';
import { ConflictError, ModelNotFoundError } from '../errors.js';
import { completeProfile, profileVersion, type ProfileDefinition } from '../profiles/profile.js';

/** One line of the registry's log. */
export type RegistryRecord = RegisteredRecord | HistoryRecord | ActivatedRecord | TrainingRecord;

export interface RegisteredRecord extends Change {
  readonly type: 'registered';
  readonly definition: ProfileDefinition;
}

/** A change of an alias: `promoted` and `rolled-back` of the champion, `challenged` of who wants to become it. */
export interface HistoryRecord extends Change {
  readonly type: 'promoted' | 'rolled-back' | 'challenged';
}

/** Every partition's log holds the activation: nothing is left to do for this champion. */
export interface ActivatedRecord extends Change {
  readonly type: 'activated';
}

/** A training began, or ended. */
export interface TrainingRecord {
  readonly type: 'training';
  readonly name: string;
  /** Of the training; the same in all that is said of it. */
  readonly id: string;
  readonly state: 'running' | 'done' | 'failed';
  /** Process that trains. */
  readonly nodeId: string;
  /** Unix ms. */
  readonly atMs: number;
  readonly by: string;
  readonly note?: string;
  /** Version of the profile that came of it. */
  readonly version?: string;
  /** Why it failed. */
  readonly reason?: string;
}

export interface Training extends Omit<TrainingRecord, 'type' | 'atMs'> {
  /** Unix ms. */
  readonly startedMs: number;
  /** Unix ms; undefined while it runs. */
  readonly endedMs?: number;
}

interface Change {
  readonly name: string;
  readonly version: string;
  /** Unix ms. */
  readonly atMs: number;
  readonly by: string;
  readonly note?: string;
}

/** `champion`: in force. `challenger`: to be compared with it; nobody, once it is champion itself. */
export type Alias = 'champion' | 'challenger';

export interface ModelVersion {
  readonly version: string;
  readonly definition: ProfileDefinition;
  readonly registeredMs: number;
  readonly by: string;
  readonly note?: string;
}

export interface Model {
  readonly name: string;
  readonly versions: readonly ModelVersion[];
  readonly aliases: Readonly<Record<Alias, string | undefined>>;
  /** Oldest first. */
  readonly history: readonly HistoryRecord[];
  /** The latest ones, oldest first. */
  readonly trainings: readonly Training[];
}

interface Entry {
  readonly versions: Map<string, ModelVersion>;
  /** Champions, the present one last: a roll-back takes it away. */
  readonly champions: string[];
  readonly history: HistoryRecord[];
  readonly trainings: Map<string, Training>;
  challenger: string | undefined;
  activated: string | undefined;
}

/** Changes remembered a model. */
const MOST_HISTORY = 1_000;
/** Trainings remembered a model. */
const MOST_TRAININGS = 50;
/** Versions of a model; people make them, so this is a bound, not a limit that anybody should meet. */
const MOST_VERSIONS = 10_000;

export class Registry {
  readonly #models = new Map<string, Entry>();

  apply(record: RegistryRecord): void {
    let entry = this.#models.get(record.name);
    if (entry === undefined) {
      entry = {
        versions: new Map(),
        champions: [],
        history: [],
        trainings: new Map(),
        challenger: undefined,
        activated: undefined,
      };
      this.#models.set(record.name, entry);
    }
    switch (record.type) {
      case 'registered': {
        const { version, definition, atMs, by, note } = record;
        const kept = { version, definition, registeredMs: atMs, by };
        entry.versions.set(version, note === undefined ? kept : { ...kept, note });
        return;
      }
      // An activation under way may have reached some partitions: whoever is champion now must be sent to all of them.
      case 'promoted':
        entry.champions.push(record.version);
        entry.activated = undefined;
        if (entry.challenger === record.version) entry.challenger = undefined;
        break;
      case 'rolled-back':
        entry.champions.pop();
        entry.activated = undefined;
        break;
      case 'challenged':
        entry.challenger = record.version;
        break;
      case 'activated':
        entry.activated = record.version;
        return;
      case 'training':
        noteTraining(entry.trainings, record);
        return;
    }
    entry.history.push(record);
    if (entry.history.length > MOST_HISTORY) entry.history.shift();
    if (entry.champions.length > MOST_HISTORY) entry.champions.shift();
  }

  list(): Model[] {
    return [...this.#models.keys()].sort().map((name) => this.get(name));
  }

  /** @throws ModelNotFoundError */
  get(name: string): Model {
    const entry = this.#entry(name);
    return {
      name,
      versions: [...entry.versions.values()],
      aliases: aliasesOf(entry),
      history: entry.history,
      trainings: [...entry.trainings.values()],
    };
  }

  /** @param version a version or an alias. @throws ModelNotFoundError */
  version(name: string, version: string): ModelVersion {
    const entry = this.#entry(name);
    const aliases = aliasesOf(entry);
    const found = entry.versions.get(isAlias(version) ? (aliases[version] ?? '') : version);
    if (found === undefined) throw new ModelNotFoundError(`model ${name} has no version ${version.slice(0, 64)}`);
    return found;
  }

  has(name: string, version: string): boolean {
    return this.#models.get(name)?.versions.has(version) ?? false;
  }

  /** The champions whose activation may not have reached every partition. */
  unfinished(): { readonly name: string; readonly champion: ModelVersion }[] {
    return [...this.#models.entries()].flatMap(([name, entry]) => {
      const champion = entry.versions.get(entry.champions.at(-1) ?? '');
      return champion === undefined || champion.version === entry.activated ? [] : [{ name, champion }];
    });
  }

  /** The version that this content has or would have. @throws SettingInvalidError */
  versionOf(name: string, partial: unknown): string {
    return profileVersion(completeProfile(name, partial));
  }

  /** What registering would write; empty when this content is there already. @throws SettingInvalidError */
  registering(name: string, partial: unknown, change: Omit<Change, 'name' | 'version'>): RegisteredRecord[] {
    const definition = completeProfile(name, partial);
    const version = profileVersion(definition);
    if (this.has(name, version)) return [];
    if ((this.#models.get(name)?.versions.size ?? 0) >= MOST_VERSIONS) {
      throw new ConflictError(`model ${name} has ${MOST_VERSIONS} versions: give new ones another name`);
    }
    return [{ ...change, type: 'registered', name, version, definition }];
  }

  /**
   * What registering the champion with a trained model would write: all else stays as it is.
   *
   * @param artifact version of the trained model
   * @throws ModelNotFoundError
   */
  attaching(name: string, artifact: string, change: Omit<Change, 'name' | 'version'>): RegisteredRecord[] {
    return this.registering(name, withModel(this.version(name, 'champion').definition, artifact), change);
  }

  /** The version that `attaching` makes, whether or not it is there. @throws ModelNotFoundError */
  attachedVersion(name: string, artifact: string): string {
    return this.versionOf(name, withModel(this.version(name, 'champion').definition, artifact));
  }

  /**
   * What a promotion would write; empty when it is champion already.
   *
   * @param expected champion that the decision was made against; undefined: whichever
   * @throws ModelNotFoundError
   * @throws ConflictError when another is champion than was expected
   */
  promoting(
    name: string,
    version: string,
    change: Omit<Change, 'name' | 'version'>,
    expected?: string,
  ): HistoryRecord[] {
    const found = this.version(name, version);
    const champion = this.#entry(name).champions.at(-1);
    if (expected !== undefined && champion !== expected) {
      throw new ConflictError(`the champion of ${name} must be ${expected}, got ${champion ?? 'none'}: compare again`);
    }
    return champion === found.version ? [] : [{ ...change, type: 'promoted', name, version: found.version }];
  }

  /**
   * What naming a challenger would write; empty when it is that already.
   *
   * @throws ModelNotFoundError
   * @throws ConflictError when it is champion
   */
  challenging(name: string, version: string, change: Omit<Change, 'name' | 'version'>): HistoryRecord[] {
    const found = this.version(name, version);
    const { champion, challenger } = aliasesOf(this.#entry(name));
    if (champion === found.version) throw new ConflictError(`${found.version} is the champion of ${name} already`);
    return challenger === found.version ? [] : [{ ...change, type: 'challenged', name, version: found.version }];
  }

  /** What a roll-back would write. @throws ModelNotFoundError, ConflictError when there is nothing to go back to. */
  rollingBack(name: string, change: Omit<Change, 'name' | 'version'>): HistoryRecord[] {
    const earlier = this.#entry(name).champions.at(-2);
    if (earlier === undefined) throw new ConflictError(`model ${name} has no earlier champion to roll back to`);
    return [{ ...change, type: 'rolled-back', name, version: earlier }];
  }

  #entry(name: string): Entry {
    const entry = this.#models.get(name);
    if (entry === undefined) throw new ModelNotFoundError(`there is no model ${name.slice(0, 64)}`);
    return entry;
  }
}

function aliasesOf({ champions, challenger }: Entry): Record<Alias, string | undefined> {
  return { champion: champions.at(-1), challenger };
}

const isAlias = (text: string): text is Alias => text === 'champion' || text === 'challenger';

function noteTraining(trainings: Map<string, Training>, record: TrainingRecord): void {
  const { id, name, state, nodeId, atMs, by, note, version, reason } = record;
  const facts = { id, name, state, nodeId, by, ...definedOf({ note, version, reason }) };
  const before = trainings.get(record.id);
  if (before === undefined) trainings.set(record.id, { ...facts, startedMs: atMs });
  else trainings.set(record.id, { ...before, ...facts, endedMs: atMs });
  const [oldest] = trainings.keys();
  if (trainings.size > MOST_TRAININGS && oldest !== undefined) trainings.delete(oldest);
}

/** The definition, looked at by a trained model as well. */
export function withModel(definition: ProfileDefinition, artifact: string): ProfileDefinition {
  return { ...definition, detection: { ...definition.detection, model: artifact } };
}

export function encodeRegistryRecords(records: readonly RegistryRecord[], timeMs: number): Uint8Array {
  const header = { kind: ChunkKind.registry, epoch: 0, from: 0, to: 0, timeMs };
  return encodeChunk(header, [records.map((record) => JSON.stringify(record))]);
}

/** @throws StorageCorruptError */
export function decodeRegistryRecords(bytes: Uint8Array): RegistryRecord[] {
  const { sections } = decodeChunk(bytes, ChunkKind.registry);
  return (sections[0] as string[]).map((text) => JSON.parse(text) as RegistryRecord);
}

/** Without the members that are undefined: what is said later does not take back what was said. */
function definedOf<T extends object>(given: T): Partial<{ [Name in keyof T]: NonNullable<T[Name]> }> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<{
    [Name in keyof T]: NonNullable<T[Name]>;
  }>;
}
