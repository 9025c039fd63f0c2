/**
 * Blobs of a cluster: a JetStream object store, laid out as the `nats object` command knows it, in one stream:
 *
 * - `$O.<bucket>.C.<id>`: the bytes in pieces, under a random id,
 * - `$O.<bucket>.M.<name in base64url>`: what they are called, their id, size and SHA-256.
 *
 * The pieces come first, then the name in one message: a blob is there whole or not at all, and replacing is changing the name's
 * message. Listing asks the server for the subjects of the names, one round trip; deleting removes the name's message, where
 * the command would leave a mark for ever.
 */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageCorruptError, StorageFailedError } from '../../models/errors.js';
import { JetStreamApi, JetStreamRefusal, PublishHeader, RefusalCode } from '../nats/jetstream-api.js';
import type { NatsConnection } from '../nats/nats-connection.js';
import { PullFeed } from '../nats/pull-feed.js';
import { ensureStream, NANOSECONDS_A_MS } from '../nats/stream-layout.js';
import { checkBlobName, checkBlobPrefix } from './blob-name.js';
import type { BlobName, Blobs } from './blobs.js';

export interface ObjectStoreBlobsOptions {
  /** Begins the name of the bucket. */
  readonly namespace: string;
  /** Ends it. */
  readonly bucket: 'blobs' | 'models';
  /** Servers that hold the bucket when it is created now. */
  readonly replicas: number;
  /** Pieces without a name that are older were left by a process that died, in ms. Default one hour: no `put` takes as long. */
  readonly orphanAgeMs?: number;
}

interface Meta {
  readonly id: string;
  readonly size: number;
  readonly chunks: number;
  readonly digest: string;
  /** Sequence of the message that says this. */
  readonly revision: number;
}

const CHUNK_BYTES = 131_072;
/** Pieces on their way at a time: 1 MiB, so that a large blob does not crowd out the readings. */
const CHUNKS_AT_ONCE = 8;
const NAME_ATTEMPTS = 5;
const READ_ATTEMPTS = 3;
const READ_AGAIN_MS = 200;
/** Reading ends when nothing came for so long. */
const STALL_MS = 10_000;
const LARGEST_BYTES = 2 ** 31 - 1;
const ORPHAN_AGE_MS = 3_600_000;
const DUPLICATE_WINDOW_MS = 60_000;

export class ObjectStoreBlobs implements Blobs {
  readonly #api: JetStreamApi;
  readonly #bucket: string;

  private constructor(api: JetStreamApi, bucket: string) {
    this.#api = api;
    this.#bucket = bucket;
  }

  /**
   * Creates the bucket if it is not there, and removes what processes that died left unfinished long ago. The
   * connection stays the caller's to close.
   *
   * @throws StorageCorruptError it is there with another configuration. @throws StorageFailedError
   */
  static async open(connection: NatsConnection, options: ObjectStoreBlobsOptions): Promise<ObjectStoreBlobs> {
    const bucket = `${options.namespace}-${options.bucket}`;
    const blobs = new ObjectStoreBlobs(new JetStreamApi(connection), bucket);
    await ensureStream(
      blobs.#api,
      {
        name: blobs.#stream,
        subjects: [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`],
        max_age: 0,
        max_msgs_per_subject: -1,
        deny_delete: false,
        allow_rollup_hdrs: true,
        duplicate_window: DUPLICATE_WINDOW_MS * NANOSECONDS_A_MS,
      },
      options.replicas,
    );
    await blobs.#removeOrphans(options.orphanAgeMs ?? ORPHAN_AGE_MS);
    return blobs;
  }

  async put(name: BlobName, bytes: Uint8Array): Promise<void> {
    checkBlobName(name);
    const id = randomUUID().replaceAll('-', '');
    try {
      const digest = await this.#putChunks(id, bytes);
      await this.#putName(name, { id, size: bytes.length, chunks: Math.ceil(bytes.length / CHUNK_BYTES), digest });
    } catch (error) {
      // Unless the name may have been written after all: then its pieces must stay.
      if (!(error instanceof NameUnknown)) await this.#purgeQuietly(this.#chunks(id));
      throw error instanceof NameUnknown ? error.cause : error;
    }
  }

  async get(name: BlobName): Promise<Uint8Array | undefined> {
    checkBlobName(name);
    let before: string | undefined;
    for (let attempt = 1; ; attempt++) {
      const meta = await this.#meta(name);
      if (meta === undefined) return undefined;
      const bytes = await this.#getChunks(meta);
      if (bytes !== undefined) return bytes;
      // Replaced or deleted while it was read, or a replica that lags: look again. The same once more is damage.
      if (attempt >= READ_ATTEMPTS && meta.id === before) {
        throw new StorageCorruptError(`the blob ${name} is not what was written`, { data: { blob: name } });
      }
      before = meta.id;
      await sleep(READ_AGAIN_MS);
    }
  }

  async list(prefix: string): Promise<readonly BlobName[]> {
    checkBlobPrefix(prefix);
    const names = await this.#subjects(`$O.${this.#bucket}.M.`);
    return names
      .map((word) => Buffer.from(word, 'base64url').toString())
      .filter((name) => name.startsWith(prefix))
      .sort((a, b) => (a < b ? -1 : 1));
  }

  async delete(name: BlobName): Promise<void> {
    checkBlobName(name);
    const meta = await this.#meta(name);
    if (meta === undefined) return;
    // The name first: nobody finds it half.
    await this.#api.purge(this.#stream, { subject: this.#name(name) });
    await this.#purgeQuietly(this.#chunks(meta.id));
  }

  async #putChunks(id: string, bytes: Uint8Array): Promise<string> {
    const hash = createHash('sha256');
    const onTheWay: Promise<unknown>[] = [];
    for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
      const chunk = bytes.subarray(from, from + CHUNK_BYTES);
      hash.update(chunk);
      const sent = this.#api.publish(this.#chunks(id), chunk);
      // Awaited in its turn; until then a failure is nobody's.
      sent.catch(() => {});
      onTheWay.push(sent);
      if (onTheWay.length >= CHUNKS_AT_ONCE) await onTheWay.shift();
    }
    await Promise.all(onTheWay);
    return `SHA-256=${base64UrlPadded(hash.digest())}`;
  }

  async #putName(name: BlobName, made: Omit<Meta, 'revision'>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const before = await this.#meta(name);
      const message = JSON.stringify({
        name,
        bucket: this.#bucket,
        nuid: made.id,
        size: made.size,
        chunks: made.chunks,
        digest: made.digest,
        options: { max_chunk_size: CHUNK_BYTES },
      });
      try {
        await this.#api.publish(this.#name(name), message, {
          headers: {
            [PublishHeader.rollup]: 'sub',
            [PublishHeader.messageId]: made.id,
            // Of two that replace the same, one has to look again: so each one's pieces are removed by who replaced it.
            [PublishHeader.expectedLastOfSubject]: String(before?.revision ?? 0),
          },
        });
      } catch (error) {
        const isRefused = error instanceof JetStreamRefusal;
        if (isRefused && error.errCode === RefusalCode.wrongLastSequence && attempt < NAME_ATTEMPTS) continue;
        if (isRefused) throw error;
        // No answer: it may be there.
        const now = await this.#meta(name).catch(() => null);
        if (now?.id !== made.id) throw new NameUnknown(error);
      }
      if (before !== undefined) await this.#purgeQuietly(this.#chunks(before.id));
      return;
    }
  }

  async #meta(name: BlobName): Promise<Meta | undefined> {
    const message = await this.#api.message(this.#stream, { lastOf: this.#name(name) });
    if (message === undefined) return undefined;
    const meta = parseMeta(message.payload, name);
    return meta === undefined ? undefined : { ...meta, revision: message.sequence };
  }

  /** @returns undefined when they are not all there, or not what was written. */
  async #getChunks(meta: Meta): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(meta.size);
    if (meta.chunks === 1) {
      const only = await this.#api.message(this.#stream, { lastOf: this.#chunks(meta.id) });
      if (only?.payload.length !== meta.size) return undefined;
      bytes.set(only.payload);
    } else if (meta.chunks > 1) {
      if (!(await this.#readInto(bytes, meta))) return undefined;
    }
    const hash = createHash('sha256');
    for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
      hash.update(bytes.subarray(from, from + CHUNK_BYTES));
      // 0.3 ms each: a large one must not hold up everything else.
      if (from % (CHUNK_BYTES * 32) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return `SHA-256=${base64UrlPadded(hash.digest())}` === meta.digest ? bytes : undefined;
  }

  /** @returns whether the pieces filled `bytes` exactly. */
  #readInto(bytes: Uint8Array, { id, chunks }: Meta): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let filled = 0;
      let count = 0;
      let nextSequence = 1;
      const end = (finish: () => void) => {
        clearTimeout(timer);
        feed.close();
        finish();
      };
      const timer = setTimeout(
        () => end(() => reject(new StorageFailedError(`NATS sent nothing of a blob for ${STALL_MS} ms`))),
        STALL_MS,
      );
      const feed = new PullFeed(this.#api, this.#stream, {
        start: () => ({
          deliver_policy: 'by_start_sequence',
          opt_start_seq: nextSequence,
          filter_subject: this.#chunks(id),
        }),
        hasRoom: () => true,
        received: ({ sequence, payload }) => {
          timer.refresh();
          nextSequence = sequence + 1;
          count++;
          const isWithin = filled + payload.length <= bytes.length;
          if (isWithin) bytes.set(payload, filled);
          filled += payload.length;
          if (!isWithin || count === chunks) end(() => resolve(filled === bytes.length));
        },
        started: (info) => {
          if (info.num_pending + count < chunks) end(() => resolve(false));
        },
        idle: () => end(() => resolve(false)),
        failed: (error) => {
          if (error instanceof JetStreamRefusal) end(() => reject(error));
        },
      });
    });
  }

  /** The last words of all subjects that begin so, in one round trip. */
  async #subjects(prefix: string): Promise<readonly string[]> {
    const { state } = await this.#api.streamInfo(this.#stream, `${prefix}>`);
    return Object.keys(state.subjects ?? {}).map((subject) => subject.slice(prefix.length));
  }

  async #removeOrphans(olderThanMs: number): Promise<void> {
    // In this order: what is finished in between has a name by the time that names are read.
    const ids = new Set(await this.#subjects(`$O.${this.#bucket}.C.`));
    if (ids.size === 0) return;
    for (const name of await this.list('')) {
      const meta = await this.#meta(name).catch((error: unknown) => {
        if (error instanceof StorageCorruptError) return undefined;
        throw error;
      });
      if (meta !== undefined) ids.delete(meta.id);
    }
    for (const id of ids) {
      const last = await this.#api.message(this.#stream, { lastOf: this.#chunks(id) });
      if (last !== undefined && Date.now() - last.timeMs > olderThanMs) await this.#purgeQuietly(this.#chunks(id));
    }
  }

  /** What stays is removed at a later start. */
  async #purgeQuietly(subject: string): Promise<void> {
    await this.#api.purge(this.#stream, { subject }).catch(() => {});
  }

  get #stream(): string {
    return `OBJ_${this.#bucket}`;
  }

  #chunks(id: string): string {
    return `$O.${this.#bucket}.C.${id}`;
  }

  #name(name: BlobName): string {
    return `$O.${this.#bucket}.M.${base64UrlPadded(Buffer.from(name))}`;
  }
}

/** The message with the name may or may not be there. */
class NameUnknown extends Error {
  constructor(cause: unknown) {
    super('the end of a write is not known', { cause });
  }
}

/** @throws StorageCorruptError it is not what was written. @returns undefined for the mark of a deleted object. */
function parseMeta(payload: Uint8Array, name: BlobName): Omit<Meta, 'revision'> | undefined {
  try {
    const { nuid, size, chunks, digest, deleted } = JSON.parse(new TextDecoder().decode(payload)) as Record<
      string,
      unknown
    >;
    if (deleted === true) return undefined;
    if (typeof nuid === 'string' && typeof digest === 'string' && isCount(size) && isCount(chunks)) {
      return { id: nuid, size, chunks, digest };
    }
  } catch {
    // Told below.
  }
  throw new StorageCorruptError(`the entry of the blob ${name} is not what was written`, { data: { blob: name } });
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= LARGEST_BYTES;
}

/** As the object store writes it. */
function base64UrlPadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}
