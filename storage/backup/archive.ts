/**
 * The file of a backup: a tar of parts, compressed with gzip, and encrypted with age where a key is given (`age -d` opens it, too).
 *
 * The last entry, `manifest.json`, names every part with its length and SHA-256. So a file that is cut, changed or not whole is
 * found out before anything of it is used: `verifyArchive` reads all of it first.
 */
import { createHash } from 'node:crypto';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { createGunzip, createGzip } from 'node:zlib';
import { Decrypter, Encrypter } from 'age-encryption';
import { extract, pack, type Pack } from 'tar-stream';
import { RequestInvalidError, StorageCorruptError } from '../../models/errors.js';
import type { BackupKey } from './backup-key.js';

/** What is in a backup. */
export interface Manifest {
  readonly format: 'redshank-backup';
  /** Of this layout. Raise it with every change, and go on reading the old ones. */
  readonly version: 1;
  /** Version of the program that wrote it. */
  readonly program: string;
  readonly mode: 'embedded' | 'cluster';
  readonly createdMs: number;
  readonly partitions: number;
  readonly namespace: string;
  readonly parts: readonly Part[];
}

export interface Part {
  /** Words of letters, digits and `- . _ $ ~`, divided by `/`. */
  readonly name: string;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

const MANIFEST = 'manifest.json';
const MOST_MANIFEST_BYTES = 64 * 2 ** 20;
const PART_NAME = /^[A-Za-z0-9._$~-]+(\/[A-Za-z0-9._$~-]+)*$/;

export class ArchiveWriter {
  readonly #pack: Pack = pack();
  readonly #parts: Part[] = [];
  readonly #done: Promise<void>;
  #failure: unknown;

  /** @param key undefined: it is not encrypted. */
  constructor(output: Writable, key: BackupKey | undefined) {
    this.#done = this.#run(output, key);
    this.#done.catch((error: unknown) => (this.#failure = error));
  }

  /** @param bytes exactly as many come from `source` */
  async add(name: string, bytes: number, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    if (!isPartName(name)) throw new RangeError(`a part must be named by words, got ${JSON.stringify(name)}`);
    const hash = createHash('sha256');
    await this.#entry(name, bytes, source, (chunk) => hash.update(chunk));
    this.#parts.push({ name, bytes, sha256: hash.digest('hex') });
  }

  /** Writes the manifest; resolves when all is in `output`. */
  async finish(facts: Omit<Manifest, 'format' | 'version' | 'parts'>): Promise<Manifest> {
    const manifest: Manifest = { format: 'redshank-backup', version: 1, ...facts, parts: this.#parts };
    const text = Buffer.from(JSON.stringify(manifest));
    await this.#entry(MANIFEST, text.length, [text], () => undefined);
    this.#pack.finalize();
    await this.#done;
    return manifest;
  }

  async #entry(
    name: string,
    size: number,
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    look: (chunk: Uint8Array) => void,
  ): Promise<void> {
    const entry = this.#pack.entry({ name, size, mtime: new Date(0) });
    async function* seen(): AsyncGenerator<Uint8Array> {
      for await (const chunk of source) {
        look(chunk);
        yield chunk;
      }
    }
    // Where the output fails nobody takes from the entry any more, which would then wait for ever.
    await Promise.race([pipeline(seen, entry as unknown as Writable), this.#done]);
    if (this.#failure !== undefined) throw this.#failure as Error;
  }

  async #run(output: Writable, key: BackupKey | undefined): Promise<void> {
    const gzip = createGzip({ level: 6 });
    if (key === undefined) {
      await pipeline(this.#pack as unknown as Readable, gzip, output);
      return;
    }
    const encrypter = new Encrypter();
    await key.lock(encrypter);
    const zipped = Readable.toWeb(gzip) as unknown as Parameters<Encrypter['encrypt']>[0] & ReadableStream<Uint8Array>;
    const sealed = await encrypter.encrypt(zipped as never);
    await Promise.all([
      pipeline(this.#pack as unknown as Readable, gzip),
      pipeline(Readable.fromWeb(sealed as unknown as ReadableStream<Uint8Array>), output),
    ]);
  }
}

/**
 * Reads a backup and hands over each part, in order. What `take` leaves unread is passed over.
 *
 * @param open the file from its beginning
 * @throws StorageCorruptError it is not a backup, or not as it was written. @throws RequestInvalidError no key, or the wrong one.
 */
export async function readArchive(
  open: () => Readable,
  key: BackupKey | undefined,
  take: (name: string, bytes: number, content: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<Manifest> {
  const tar = extract();
  const parts = new Map<string, Part>();
  let manifest: Manifest | undefined;
  const read = async (): Promise<void> => {
    for await (const entry of tar) {
      const { name, size, type } = entry.header;
      if (type !== 'file' || manifest !== undefined)
        throw damaged(`it holds ${JSON.stringify(name)} where nothing may be`);
      if (name === MANIFEST) {
        manifest = parseManifest(await textOf(entry as AsyncIterable<Uint8Array>, size));
        continue;
      }
      if (!isPartName(name) || parts.has(name)) throw damaged(`it holds a part named ${JSON.stringify(name)}`);
      const hash = createHash('sha256');
      let bytes = 0;
      const content = (async function* () {
        for await (const chunk of entry as AsyncIterable<Buffer>) {
          hash.update(chunk);
          bytes += chunk.length;
          yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
        }
      })();
      await take(name, size, content);
      await drained(content);
      parts.set(name, { name, bytes, sha256: hash.digest('hex') });
    }
  };
  try {
    await Promise.all([pipeline(await opened(open, key), createGunzip(), tar as unknown as Writable), read()]);
  } catch (error) {
    throw translated(error);
  }
  if (manifest === undefined) throw damaged('it ends before its manifest');
  for (const part of manifest.parts) {
    const found = parts.get(part.name);
    if (found?.sha256 !== part.sha256) throw damaged(`its part ${part.name} is not what was written`);
    parts.delete(part.name);
  }
  if (parts.size > 0) throw damaged(`its part ${[...parts.keys()][0]!} is not in its manifest`);
  return manifest;
}

/** Reads all of it and uses nothing. @throws as `readArchive` */
export function verifyArchive(open: () => Readable, key: BackupKey | undefined): Promise<Manifest> {
  return readArchive(open, key, () => Promise.resolve());
}

export function isPartName(name: string): boolean {
  return name !== MANIFEST && PART_NAME.test(name) && !name.split('/').some((word) => word === '.' || word === '..');
}

const AGE = Buffer.from('age-encryption.org/v1');
const GZIP = Buffer.from([0x1f, 0x8b]);

export function isEncrypted(open: () => Readable): Promise<boolean> {
  return startsWith(open, AGE);
}

async function opened(open: () => Readable, key: BackupKey | undefined): Promise<Readable> {
  if (!(await isEncrypted(open))) {
    if (await startsWith(open, GZIP)) return open();
    throw new StorageCorruptError('this is no backup of Redshank, or its beginning is damaged: nothing of it is used');
  }
  if (key === undefined) throw new RequestInvalidError('this backup is encrypted: give the key with --key-file');
  const decrypter = new Decrypter();
  key.open(decrypter);
  try {
    const plain = await decrypter.decrypt(Readable.toWeb(open()) as never);
    return Readable.fromWeb(plain as unknown as ReadableStream<Uint8Array>);
  } catch (error) {
    throw new RequestInvalidError('this backup cannot be opened with this key, or its beginning is damaged', {
      cause: error,
    });
  }
}

async function drained(content: AsyncIterator<unknown>): Promise<void> {
  while ((await content.next()).done !== true);
}

async function startsWith(open: () => Readable, wanted: Buffer): Promise<boolean> {
  const source = open();
  let start = Buffer.alloc(0);
  for await (const chunk of source as AsyncIterable<Buffer>) {
    start = Buffer.concat([start, chunk]);
    if (start.length >= wanted.length) break;
  }
  source.destroy();
  return start.subarray(0, wanted.length).equals(wanted);
}

async function textOf(source: AsyncIterable<Uint8Array>, size: number): Promise<string> {
  if (size > MOST_MANIFEST_BYTES) throw damaged('its manifest is too large');
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function parseManifest(text: string): Manifest {
  let value: Partial<Manifest>;
  try {
    value = JSON.parse(text) as Partial<Manifest>;
  } catch (error) {
    throw damaged('its manifest is not JSON', error);
  }
  if (value.format !== 'redshank-backup') throw damaged('it is another kind of file');
  if (value.version !== 1) {
    throw new RequestInvalidError(
      `this program reads backups of version 1, got ${JSON.stringify(value.version)}: restore it with a newer one`,
    );
  }
  if (!Array.isArray(value.parts)) throw damaged('its manifest lists no parts');
  return value as Manifest;
}

const damaged = (what: string, cause?: unknown): StorageCorruptError =>
  new StorageCorruptError(
    `this backup is damaged, nothing of it is used: ${what}`,
    cause === undefined ? {} : { cause },
  );

function translated(error: unknown): unknown {
  if (error instanceof StorageCorruptError || error instanceof RequestInvalidError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  // The disk or the line, not the bytes.
  if (code !== undefined && /^E[A-Z]+$/.test(code) && !code.startsWith('ERR_')) return error;
  return damaged(message, error);
}
