/**
 * Blobs as files: `<root>/<word>/<word>~`. Written aside, synced, renamed, and the folder synced: a blob is there whole or
 * not at all. A trailer of 8 bytes ("BLOB", crc32c of what is before) tells a damaged file.
 *
 * The `~` keeps a blob `a` and a blob `a/b` apart on the disk, and its absence marks folders; no word has one.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { StorageCorruptError, StorageFailedError } from '../../models/errors.js';
import { checkBlobName, checkBlobPrefix } from './blob-name.js';
import type { BlobName, Blobs } from './blobs.js';

const SUFFIX = '~';
const UNFINISHED = '.tmp~';
const TRAILER_BYTES = 8;
const MARK = 0x424f4c42; // "BLOB" read as a little-endian u32

export class FileBlobs implements Blobs {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  /** Creates the folder and removes what a crash left unfinished. @throws StorageFailedError when it cannot be used. */
  static async open(root: string): Promise<FileBlobs> {
    const blobs = new FileBlobs(root);
    await onDisk(`cannot use the folder ${root}`, async () => {
      await mkdir(root, { recursive: true });
      for (const path of await blobs.#files('')) if (path.endsWith(UNFINISHED)) await rm(join(root, path));
    });
    return blobs;
  }

  async put(name: BlobName, bytes: Uint8Array): Promise<void> {
    checkBlobName(name);
    const path = this.#path(name);
    const unfinished = join(dirname(path), `${randomUUID()}${UNFINISHED}`);
    const trailer = Buffer.alloc(TRAILER_BYTES);
    trailer.writeUInt32LE(MARK, 0);
    trailer.writeUInt32LE(crc32c(bytes), 4);
    await onDisk(`cannot write the blob ${name} below ${this.#root}`, async () => {
      await this.#createFolder(dirname(path));
      try {
        const file = await open(unfinished, 'wx');
        try {
          await file.writev([bytes, trailer]);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(unfinished, path);
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
      await syncFolder(dirname(path));
    });
  }

  async get(name: BlobName): Promise<Uint8Array | undefined> {
    checkBlobName(name);
    const stored = await onDisk(`cannot read the blob ${name} below ${this.#root}`, () =>
      unlessMissing(readFile(this.#path(name))),
    );
    if (stored === undefined) return undefined;
    const end = stored.length - TRAILER_BYTES;
    const isWhole =
      end >= 0 && stored.readUInt32LE(end) === MARK && stored.readUInt32LE(end + 4) === crc32c(stored.subarray(0, end));
    if (!isWhole) throw new StorageCorruptError(`the blob ${name} is not what was written`, { data: { blob: name } });
    return new Uint8Array(stored.buffer, stored.byteOffset, end);
  }

  async list(prefix: string): Promise<readonly BlobName[]> {
    checkBlobPrefix(prefix);
    const files = await onDisk(`cannot list the blobs below ${this.#root}`, () => this.#files(prefix));
    return files
      .filter((path) => !path.endsWith(UNFINISHED))
      .map((path) => path.slice(0, -SUFFIX.length))
      .sort((a, b) => (a < b ? -1 : 1));
  }

  async delete(name: BlobName): Promise<void> {
    checkBlobName(name);
    await onDisk(`cannot delete the blob ${name} below ${this.#root}`, async () => {
      await rm(this.#path(name), { force: true });
    });
  }

  #path(name: BlobName): string {
    return join(this.#root, ...`${name}${SUFFIX}`.split('/'));
  }

  /** Files of ours below `prefix`, as paths from the root with `/`. */
  async #files(prefix: string): Promise<string[]> {
    const entries = (await unlessMissing(readdir(join(this.#root, prefix), { withFileTypes: true }))) ?? [];
    const found: string[] = [];
    for (const entry of entries) {
      const path = `${prefix}${entry.name}`;
      if (entry.isDirectory()) found.push(...(await this.#files(`${path}/`)));
      else if (entry.name.endsWith(SUFFIX)) found.push(path);
    }
    return found;
  }

  /** A new folder is only there after a power cut when the one above it was synced. */
  async #createFolder(folder: string): Promise<void> {
    const first = await mkdir(folder, { recursive: true });
    if (first === undefined) return;
    for (let at = folder; at.length >= first.length; at = dirname(at)) await syncFolder(dirname(at));
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function onDisk<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new StorageFailedError(`${what}: ${(error as Error).message}`, { cause: error });
  }
}
