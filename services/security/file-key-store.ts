import { randomBytes } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { StorageCorruptError, StorageFailedError } from '../../models/errors.js';
import { makeFolder } from '../../storage/make-folder.js';
import { StoredKey, type KeyStore, type Revocation } from './key-store.js';

const FILE_VERSION = 1;
const OWNER_ONLY = 0o600;
const KeyFile = Type.Object({ version: Type.Literal(FILE_VERSION), keys: Type.Array(StoredKey) });

/** `keys.json` in the data folder, which one process uses, one change at a time. No file means no keys. */
export class FileKeyStore implements KeyStore {
  readonly #path: string;

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'keys.json');
  }

  async load(): Promise<readonly StoredKey[]> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
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
    return file.keys;
  }

  async add(key: StoredKey): Promise<boolean> {
    await this.#write([...(await this.load()), key]);
    return true;
  }

  async remove({ tenant, name }: Revocation): Promise<boolean> {
    const keys = await this.load();
    await this.#write(keys.filter((key) => key.tenant !== tenant || key.name !== name));
    return true;
  }

  /** Write, sync, rename, sync: after a crash the file holds the old keys or the new ones. */
  async #write(keys: readonly StoredKey[]): Promise<void> {
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
  }
}
