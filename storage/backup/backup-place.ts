/** Where backups lie: a file, a folder, or an S3-compatible store. */
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Duplex, Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { NotFoundError, RequestInvalidError } from '../../models/errors.js';
import { S3Bucket, type S3Settings } from './s3-bucket.js';

export interface BackupPlace {
  /** For people. */
  readonly name: string;
  /** A folder or prefix, in which backups are named by time. */
  readonly keepsMany: boolean;
  /** Calls `write` with a stream to the new backup, which is there whole or not at all. */
  write(write: (output: Writable) => Promise<void>): Promise<void>;
  /** A local file with the backup; `scratch` may be used for it. @throws NotFoundError */
  fetch(scratch: string): Promise<string>;
  /**
   * Removes all but the newest `keep` of the folder or prefix: none while the newest is under a tenth of the largest, which looks like a
   * backup of a log that was lost.
   *
   * @returns how many went, 0 for a place that is one file; undefined when there is that doubt
   */
  prune(keep: number): Promise<number | undefined>;
}

interface Stored {
  readonly name: string;
  readonly bytes: number;
}

/** Share of the largest backup below which a new one is doubted. */
const DOUBTFUL_SHARE = 0.1;

const OWN_NAME = /^redshank-\d{4}-\d{2}-\d{2}T\d{6}Z\.backup$/;

/**
 * @param text a file, a folder (ends with a slash, or is one), `s3://bucket/key`, or `s3://bucket/prefix/`
 * @param nowMs Unix ms: names the backup in a folder; undefined: the newest there is meant
 */
export async function backupPlace(text: string, s3: S3Settings, nowMs: number | undefined): Promise<BackupPlace> {
  if (text.startsWith('s3://')) return s3Place(text, s3, nowMs);
  const path = resolve(text);
  const isFolder = text.endsWith('/') || (await stat(path).catch(() => undefined))?.isDirectory() === true;
  return isFolder ? folderPlace(path, nowMs) : filePlace(path);
}

function filePlace(path: string): BackupPlace {
  return {
    name: path,
    keepsMany: false,
    async write(write) {
      if (existsSync(path)) {
        throw new RequestInvalidError(
          `${path} is there already, and no backup takes the place of another: give another name, or a folder, with a slash at its end`,
        );
      }
      await mkdir(dirname(path), { recursive: true });
      const unfinished = `${path}.unfinished`;
      try {
        // For the owner alone: it holds hashes of keys, and the secret of a cluster.
        await write(createWriteStream(unfinished, { mode: 0o600, flush: true }));
        await rename(unfinished, path);
      } finally {
        await rm(unfinished, { force: true });
      }
    },
    fetch() {
      if (!existsSync(path)) return Promise.reject(new NotFoundError(`there is no backup at ${path}`));
      return Promise.resolve(path);
    },
    prune: () => Promise.resolve(0),
  };
}

async function folderPlace(folder: string, nowMs: number | undefined): Promise<BackupPlace> {
  const own = async (): Promise<string[]> =>
    (await readdir(folder).catch(() => [])).filter((name) => OWN_NAME.test(name)).sort();
  const stored = async (): Promise<Stored[]> =>
    Promise.all((await own()).map(async (one) => ({ name: one, bytes: (await stat(join(folder, one))).size })));
  const name = nowMs === undefined ? (await own()).at(-1) : nameAt(nowMs);
  if (name === undefined) throw new NotFoundError(`there is no backup in ${folder}`);
  return {
    ...filePlace(join(folder, name)),
    keepsMany: true,
    prune: async (keep) => removeOld(await stored(), keep, (one) => rm(join(folder, one))),
  };
}

async function s3Place(text: string, settings: S3Settings, nowMs: number | undefined): Promise<BackupPlace> {
  const [, bucketName = '', path = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,62})\/?(.*)$/.exec(text) ?? [];
  if (bucketName === '')
    throw new RequestInvalidError(`a place must be like s3://bucket/prefix/, got ${JSON.stringify(text)}`);
  const bucket = new S3Bucket(bucketName, settings);
  const isPrefix = path === '' || path.endsWith('/');
  const stored = async (): Promise<Stored[]> =>
    (await bucket.list(path))
      .filter((object) => OWN_NAME.test(object.key.slice(path.length)))
      .map((object) => ({ name: object.key, bytes: object.bytes }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  const key = !isPrefix ? path : nowMs === undefined ? (await stored()).at(-1)?.name : path + nameAt(nowMs);
  if (key === undefined) throw new NotFoundError(`there is no backup at ${text}`);
  return {
    name: `s3://${bucketName}/${key}`,
    keepsMany: isPrefix,
    async write(write) {
      const upload = await bucket.beginUpload(key);
      try {
        await write(Duplex.from(upload.take()));
        await upload.finish();
      } catch (error) {
        await upload.giveUp();
        throw error;
      }
    },
    async fetch(scratch) {
      const to = join(scratch, 'fetched.backup');
      await pipeline(Readable.from(bucket.read(key)), createWriteStream(to, { mode: 0o600 }));
      return to;
    },
    prune: async (keep) => (isPrefix ? removeOld(await stored(), keep, (one) => bucket.delete(one)) : 0),
  };
}

/** @param stored oldest first */
async function removeOld(
  stored: readonly Stored[],
  keep: number,
  remove: (name: string) => Promise<void>,
): Promise<number | undefined> {
  const largest = Math.max(0, ...stored.map(({ bytes }) => bytes));
  if ((stored.at(-1)?.bytes ?? 0) < DOUBTFUL_SHARE * largest) return undefined;
  const old = stored.slice(0, -keep);
  for (const { name } of old) await remove(name);
  return old.length;
}

/** Sorts by time. */
function nameAt(nowMs: number): string {
  const [date = '', time = ''] = new Date(nowMs).toISOString().split('T');
  return `redshank-${date}T${time.slice(0, 8).replaceAll(':', '')}Z.backup`;
}
