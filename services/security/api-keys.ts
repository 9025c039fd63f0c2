/** API keys: 256 random bits each, of which only the SHA-256 is kept. */
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../mixins/clock.js';
import { DEFAULT_TENANT } from '../../models/domain/identity.js';
import { ConflictError, NotFoundError } from '../../models/errors.js';
import type { Role } from '../../models/security/permissions.js';
import { SerialQueue } from '../../storage/serial-queue.js';
import type { KeyStore, StoredKey } from './key-store.js';

/** What a key begins with, so that people and secret scanners know it. */
export const KEY_PREFIX = 'rsk_';
const KEY_BYTES = 32;
const KEY_FORM = /^rsk_[A-Za-z0-9_-]{43}$/;
/** Characters of a key that are kept in the clear, by which people recognise it; 48 of 256 bits. */
const SHOWN_CHARACTERS = KEY_PREFIX.length + 8;
const MOST_KEYS = 10_000;
const ATTEMPTS = 5;
/** How often an unknown key makes us look for new ones: a client that guesses must not keep the store busy. */
const LOOK_EVERY_MS = 1_000;
/** How old what is known may be while keys are asked for: so long a key that was revoked elsewhere may still work. */
const FRESH_MS = 5_000;

/** Who asks. */
export interface Principal {
  /** Name of the key, or `local` where no key is asked for. */
  readonly name: string;
  readonly tenant: string;
  readonly role: Role;
  /** Of the role `device`: patterns of its devices. */
  readonly devices?: readonly string[];
}

export interface KeyWish extends Principal {
  /** Unix ms; absent: never. */
  readonly expiresMs?: number;
  /** Who makes it. */
  readonly by?: string;
}

/** The keys of a store, as of a moment ago. */
export class ApiKeys {
  readonly #store: KeyStore;
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  /** By SHA-256 of the key, in hex. Nobody can choose a hash, so how long a look-up takes tells nothing. */
  #keys: ReadonlyMap<string, StoredKey> = new Map();
  /** What is decided on the keys that are there must still hold when it is written. Other processes are kept apart by the store. */
  readonly #turns = new SerialQueue();
  #looking: Promise<unknown> | undefined;
  #lookedMs = -Infinity;
  #loadedMs = -Infinity;

  private constructor(store: KeyStore, clock: Clock, failed: (error: unknown) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#failed = failed;
  }

  /**
   * @param failed told when keys could not be read again; those that are known stay good meanwhile
   * @throws StorageCorruptError when what is stored is not ours. @throws StorageFailedError when it cannot be read.
   */
  static async open(
    store: KeyStore,
    clock: Clock,
    failed: (error: unknown) => void = () => undefined,
  ): Promise<ApiKeys> {
    const keys = new ApiKeys(store, clock, failed);
    await keys.#load();
    return keys;
  }

  /**
   * Makes a key and stores its hash; durable when it resolves.
   *
   * @returns the key itself. It is nowhere else: show it once.
   * @throws ConflictError when the tenant has a key of this name, or there are 10,000 keys. @throws StorageFailedError
   */
  async create(wish: KeyWish): Promise<string> {
    const { name, tenant } = wish;
    const key = await this.#inTurn(wish, (keys) => {
      if (keys.some((stored) => stored.name === name && stored.tenant === tenant)) {
        throw new ConflictError(`a key named ${name} is already there`);
      }
      if (keys.length >= MOST_KEYS) throw new ConflictError(`there must be at most ${MOST_KEYS} keys`);
      return true;
    });
    return key!;
  }

  /** Makes the first key of all. @returns undefined when there is one already, also when another process has just made it. */
  createFirst(name: string): Promise<string | undefined> {
    return this.#inTurn({ name, tenant: DEFAULT_TENANT, role: 'admin' }, (keys) => keys.length === 0);
  }

  /** Keys of a tenant, oldest first; those that have expired too. @throws StorageFailedError */
  async list(tenant: string): Promise<readonly StoredKey[]> {
    return (await this.#load()).filter((key) => key.tenant === tenant);
  }

  /**
   * Takes a key back. This process refuses it at once, others within 5 s.
   *
   * @throws NotFoundError when the tenant has no such key
   * @throws ConflictError for the last admin of all: nobody could make a key again. @throws StorageFailedError
   */
  revoke(tenant: string, name: string, by: string): Promise<void> {
    return this.#turns.run(() => this.#remove(tenant, name, by));
  }

  async #remove(tenant: string, name: string, by: string): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const keys = await this.#load();
      const found = keys.find((key) => key.tenant === tenant && key.name === name);
      if (found === undefined) throw new NotFoundError(`there is no key named ${name}`);
      const nowMs = this.#clock.wallMs();
      const isOtherAdmin = (key: StoredKey): boolean =>
        key !== found && key.role === 'admin' && key.tenant === DEFAULT_TENANT && !isExpired(key, nowMs);
      if (tenant === DEFAULT_TENANT && found.role === 'admin' && !keys.some(isOtherAdmin)) {
        throw new ConflictError(`${name} is the last key of an admin: make another one first`);
      }
      if (await this.#store.remove({ tenant, name, atMs: nowMs, by })) {
        await this.#load();
        return;
      }
    }
    throw new ConflictError('others change keys at the same time: try again');
  }

  /**
   * Whose key this is. A key that was made elsewhere is known within a second or two of being asked for.
   *
   * @throws StorageFailedError when an unknown key cannot be looked for.
   */
  async find(key: string): Promise<Principal | undefined> {
    if (!KEY_FORM.test(key)) return undefined;
    this.#refresh();
    const digest = digestOf(key);
    const known = this.#owner(digest);
    if (known !== undefined) return known;
    await this.#look();
    return this.#owner(digest);
  }

  #inTurn(wish: KeyWish, isWanted: (keys: readonly StoredKey[]) => boolean): Promise<string | undefined> {
    return this.#turns.run(() => this.#make(wish, isWanted));
  }

  /** @param isWanted decides on the keys that are there, as often as somebody else is quicker. */
  async #make(wish: KeyWish, isWanted: (keys: readonly StoredKey[]) => boolean): Promise<string | undefined> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (!isWanted(await this.#load())) return undefined;
      const key = KEY_PREFIX + randomBytes(KEY_BYTES).toString('base64url');
      if (await this.#add(wish, key)) return key;
    }
    throw new ConflictError('others make keys at the same time: try again');
  }

  /** @returns false when somebody else was quicker. */
  async #add({ name, tenant, role, devices, expiresMs, by }: KeyWish, key: string): Promise<boolean> {
    const sha256 = digestOf(key);
    const stored: StoredKey = {
      name,
      role,
      tenant,
      sha256,
      createdMs: this.#clock.wallMs(),
      prefix: key.slice(0, SHOWN_CHARACTERS),
      ...(devices !== undefined && { devices: [...devices] }),
      ...(expiresMs !== undefined && { expiresMs }),
      ...(by !== undefined && { createdBy: by }),
    };
    try {
      if (!(await this.#store.add(stored))) return false;
    } catch (error) {
      // It may be there all the same; then it must be shown, since nobody could make a first key again.
      const keys = await this.#load().catch(() => []);
      if (keys.some((one) => one.sha256 === sha256)) return true;
      throw error;
    }
    await this.#load();
    return true;
  }

  #owner(digest: string): Principal | undefined {
    const found = this.#keys.get(digest);
    if (found === undefined || isExpired(found, this.#clock.wallMs())) return undefined;
    const { name, tenant, role, devices } = found;
    return { name, tenant, role, ...(devices !== undefined && { devices }) };
  }

  /** Looks again in the background when what is known is no longer fresh. */
  #refresh(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#looking !== undefined || nowMs - Math.max(this.#loadedMs, this.#lookedMs) < FRESH_MS) return;
    this.#look().catch(this.#failed);
  }

  /** Everybody who waits, waits for one look. */
  async #look(): Promise<void> {
    if (this.#looking === undefined) {
      const nowMs = this.#clock.monotonicMs();
      if (nowMs - this.#lookedMs < LOOK_EVERY_MS) return;
      this.#lookedMs = nowMs;
      this.#looking = this.#load().finally(() => (this.#looking = undefined));
    }
    await this.#looking;
  }

  async #load(): Promise<readonly StoredKey[]> {
    const keys = await this.#store.load();
    this.#keys = new Map(keys.map((stored) => [stored.sha256, stored]));
    this.#loadedMs = this.#clock.monotonicMs();
    return keys;
  }
}

function isExpired({ expiresMs }: StoredKey, nowMs: number): boolean {
  return expiresMs !== undefined && expiresMs <= nowMs;
}

function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
