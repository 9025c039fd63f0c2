/** The secret with which the processes of a cluster know each other. */
import { randomBytes } from 'node:crypto';
import { FencedError, StorageCorruptError } from '../../models/errors.js';
import { streamName, type Journal } from '../../storage/journal/journal.js';
import { recordsSince } from '../../storage/journal/records-since.js';

const STREAM = { topic: 'secrets', partition: 0 } as const;
/** First byte of the record; the secret follows. */
const RECORD_VERSION = 1;
const SECRET_BYTES = 32;

/**
 * `CLUSTER_SECRET` where it is set, alike for every process; else the one in the log, which the first process to start makes.
 * Whoever may read the topic `secrets` may call everything: no other team's permissions on the bus include it.
 *
 * @param given the setting, at least 32 characters.
 * @throws StorageFailedError, StorageCorruptError
 */
export async function clusterSecret(given: string | undefined, journal: Journal): Promise<Uint8Array> {
  if (given !== undefined) return Buffer.from(given);
  const stored = await read(journal);
  if (stored !== undefined) return stored;
  const fresh = randomBytes(SECRET_BYTES);
  try {
    await journal.append(STREAM, Buffer.concat([Buffer.from([RECORD_VERSION]), fresh]), { expectedLast: 0 });
    return fresh;
  } catch (error) {
    if (!(error instanceof FencedError)) throw error;
    // Another process was quicker.
    const theirs = await read(journal, error);
    if (theirs === undefined) throw new StorageCorruptError(`the first record of ${streamName(STREAM)} is gone`);
    return theirs;
  }
}

async function read(journal: Journal, refusal?: FencedError): Promise<Uint8Array | undefined> {
  for await (const { payload } of recordsSince(journal, STREAM, 0, refusal)) {
    if (payload[0] !== RECORD_VERSION || payload.length !== 1 + SECRET_BYTES) {
      throw new StorageCorruptError(
        `the first record of ${streamName(STREAM)} must be a secret of version ${RECORD_VERSION}: a newer release wrote it, or it is damaged`,
      );
    }
    return payload.slice(1);
  }
  return undefined;
}
