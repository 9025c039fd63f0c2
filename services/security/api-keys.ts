/** API keys: 256 random bits each, of which only the SHA-256 is kept. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../mixins/clock.js';
import { DEFAULT_TENANT } from '../../models/domain/identity.js';
import { ConflictError } from '../../models/errors.js';
import type { KeyStore, StoredKey } from './key-store.js';

/** What a key begins with, so that people and secret scanners know it. */
export const KEY_PREFIX = 'rsk_';
const KEY_BYTES = 32;
const KEY_FORM = /^rsk_[A-Za-z0-9_-]{43}$/;
const MOST_KEYS = 1_000;
const ATTEMPTS = 5;
/** How often an unknown key makes us look for new ones: a client that guesses must not keep the store busy. */
const LOOK_EVERY_MS = 1_000;

/** Who asks. */
export interface Principal {
  /** Name of the key, or `local` where no key is asked for. */
  readonly name: string;
  readonly tenant: string;
  readonly role: 'admin';
}

/** The keys of a store, as of when somebody last came with one that was not known. */
export class ApiKeys {
  readonly #store: KeyStore;
  readonly #clock: Clock;
  #keys: readonly { readonly stored: StoredKey; readonly digest: Buffer }[] = [];
  #looking: Promise<unknown> | undefined;
  #lookedMs = -Infinity;

  private constructor(store: KeyStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @throws StorageCorruptError when what is stored is not ours. @throws StorageFailedError when it cannot be read. */
  static async open(store: KeyStore, clock: Clock): Promise<ApiKeys> {
    const keys = new ApiKeys(store, clock);
    await keys.#load();
    return keys;
  }

  /**
   * Makes a key and stores its hash; durable when it resolves.
   *
   * @returns the key itself. It is nowhere else: show it once.
   * @throws ConflictError when the name is taken or there are 1,000 keys. @throws StorageFailedError
   */
  async create(name: string): Promise<string> {
    const key = await this.#make(name, (keys) => {
      if (keys.some((stored) => stored.name === name)) throw new ConflictError(`a key named ${name} is already there`);
      if (keys.length >= MOST_KEYS) throw new ConflictError(`there must be at most ${MOST_KEYS} keys`);
      return true;
    });
    return key!;
  }

  /** Makes the first key of all. @returns undefined when there is one already, also when another process has just made it. */
  createFirst(name: string): Promise<string | undefined> {
    return this.#make(name, (keys) => keys.length === 0);
  }

  /**
   * Whose key this is. Takes as long for a key that is nearly right as for one that is not. A key that was made elsewhere is known
   * within a second or two of being asked for.
   *
   * @throws StorageFailedError when an unknown key cannot be looked for.
   */
  async find(key: string): Promise<Principal | undefined> {
    if (!KEY_FORM.test(key)) return undefined;
    const digest = digestOf(key);
    const known = this.#owner(digest);
    if (known !== undefined) return known;
    await this.#look();
    return this.#owner(digest);
  }

  /** @param isWanted decides on the keys that are there, as often as somebody else is quicker. */
  async #make(name: string, isWanted: (keys: readonly StoredKey[]) => boolean): Promise<string | undefined> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (!isWanted(await this.#load())) return undefined;
      const key = KEY_PREFIX + randomBytes(KEY_BYTES).toString('base64url');
      if (await this.#add(name, digestOf(key).toString('hex'))) return key;
    }
    throw new ConflictError('others make keys at the same time: try again');
  }

  /** @returns false when somebody else was quicker. */
  async #add(name: string, sha256: string): Promise<boolean> {
    const stored = { name, role: 'admin', tenant: DEFAULT_TENANT, sha256, createdMs: this.#clock.wallMs() } as const;
    try {
      if (!(await this.#store.add(stored))) return false;
    } catch (error) {
      // It may be there all the same; then it must be shown, since nobody could make a first key again.
      const keys = await this.#load().catch(() => []);
      if (keys.some((key) => key.sha256 === sha256)) return true;
      throw error;
    }
    await this.#load();
    return true;
  }

  #owner(digest: Buffer): Principal | undefined {
    let found: StoredKey | undefined;
    for (const key of this.#keys) {
      if (timingSafeEqual(digest, key.digest)) found = key.stored;
    }
    return found && { name: found.name, tenant: found.tenant, role: found.role };
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
    this.#keys = keys.map((stored) => ({ stored, digest: Buffer.from(stored.sha256, 'hex') }));
    return keys;
  }
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
