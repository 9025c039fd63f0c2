/** API keys on disk: 256 random bits each, of which only the SHA-256 is kept. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Type, type Static } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { DEFAULT_TENANT } from '../../models/domain/identity.js';
import { makeFolder } from '../../storage/make-folder.js';
import { ConflictError, StorageCorruptError, StorageFailedError } from '../../models/errors.js';

/** What a key begins with, so that people and secret scanners know it. */
export const KEY_PREFIX = 'rsk_';
const KEY_BYTES = 32;
const KEY_FORM = /^rsk_[A-Za-z0-9_-]{43}$/;
const FILE_VERSION = 1;
const OWNER_ONLY = 0o600;
const MOST_KEYS = 1_000;

const StoredKey = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64 }),
  role: Type.Union([Type.Literal('admin')]),
  tenant: Type.String(),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  createdMs: Type.Number(),
});
type StoredKey = Static<typeof StoredKey>;
const KeyFile = Type.Object({ version: Type.Literal(FILE_VERSION), keys: Type.Array(StoredKey) });

/** Who asks. */
export interface Principal {
  /** Name of the key, or `local` where no key is asked for. */
  readonly name: string;
  readonly tenant: string;
  readonly role: 'admin';
}

/** The keys of one data folder, as of when it was read. */
export class ApiKeys {
  readonly #path: string;
  #keys: readonly { readonly stored: StoredKey; readonly digest: Buffer }[] = [];

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Reads `keys.json` in `dataDir`; no file means no keys.
   *
   * @throws StorageCorruptError when the file is not ours. @throws StorageFailedError when it cannot be read.
   */
  static async open(dataDir: string): Promise<ApiKeys> {
    const keys = new ApiKeys(join(dataDir, 'keys.json'));
    await keys.#load();
    return keys;
  }

  get count(): number {
    return this.#keys.length;
  }

  /**
   * Makes a key and stores its hash; durable when it resolves.
   *
   * @returns the key itself. It is nowhere else: show it once.
   * @throws ConflictError when the name is taken or there are 1,000 keys. @throws StorageFailedError
   */
  async create(name: string, nowMs: number): Promise<string> {
    if (this.#keys.some(({ stored }) => stored.name === name))
      throw new ConflictError(`a key named ${name} is already there`);
    if (this.#keys.length >= MOST_KEYS) throw new ConflictError(`there must be at most ${MOST_KEYS} keys`);
    const key = KEY_PREFIX + randomBytes(KEY_BYTES).toString('base64url');
    const stored: StoredKey = {
      name,
      role: 'admin',
      tenant: DEFAULT_TENANT,
      sha256: digestOf(key).toString('hex'),
      createdMs: nowMs,
    };
    await this.#store([...this.#keys.map((key) => key.stored), stored]);
    return key;
  }

  /** Whose key this is. Takes as long for a key that is nearly right as for one that is not. */
  find(key: string): Principal | undefined {
    if (!KEY_FORM.test(key)) return undefined;
    const digest = digestOf(key);
    let found: StoredKey | undefined;
    for (const key of this.#keys) {
      if (timingSafeEqual(digest, key.digest)) found = key.stored;
    }
    return found && { name: found.name, tenant: found.tenant, role: found.role };
  }

  async #load(): Promise<void> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw new StorageFailedError(`${this.#path} must be readable: ${(error as Error).message}`, { cause: error });
    }
    let file: unknown;
    try {
      file = JSON.parse(text);
    } catch (error) {
      throw new StorageCorruptError(`${this.#path} must be JSON; restore it, or remove it to get a new key`, {
        cause: error,
      });
    }
    if (!Value.Check(KeyFile, file)) {
      throw new StorageCorruptError(`${this.#path} must be a list of keys of version ${FILE_VERSION}`);
    }
    this.#remember(file.keys);
  }

  /** Write, sync, rename, sync: after a crash the file holds the old keys or the new ones. */
  async #store(keys: readonly StoredKey[]): Promise<void> {
    const folder = dirname(this.#path);
    const draft = `${this.#path}.${randomBytes(4).toString('hex')}`;
    try {
      makeFolder(folder);
      const file = await open(draft, 'wx', OWNER_ONLY);
      try {
        await file.writeFile(`${JSON.stringify({ version: FILE_VERSION, keys }, undefined, 2)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, this.#path);
      const handle = await open(folder);
      await handle.sync().finally(() => handle.close());
    } catch (error) {
      throw new StorageFailedError(`${this.#path} must be writable: ${(error as Error).message}`, { cause: error });
    }
    this.#remember(keys);
  }

  #remember(keys: readonly StoredKey[]): void {
    this.#keys = keys.map((stored) => ({ stored, digest: Buffer.from(stored.sha256, 'hex') }));
  }
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
