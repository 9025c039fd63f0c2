import { Type, type Static } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { FencedError, StorageCorruptError } from '../../models/errors.js';
import { streamName, type Journal } from '../../storage/journal/journal.js';
import { recordsSince } from '../../storage/journal/records-since.js';
import { Revocation, StoredKey, type KeyStore } from './key-store.js';

const STREAM = { topic: 'keys', partition: 0 } as const;
const RECORD_VERSION = 1;
/** What happened to a key. A type that this release does not know is an error: it could take a key away. */
const KeyRecord = Type.Union([
  Type.Object({ version: Type.Literal(RECORD_VERSION), type: Type.Literal('created'), key: StoredKey }),
  Type.Object({ version: Type.Literal(RECORD_VERSION), type: Type.Literal('revoked'), revoked: Revocation }),
]);
type KeyRecord = Static<typeof KeyRecord>;

/** The topic `keys` of the log, which all gateways of a cluster share. */
export class LogKeyStore implements KeyStore {
  readonly #journal: Journal;
  #keys: readonly StoredKey[] = [];
  #last = 0;
  #refusal: FencedError | undefined;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** One read at a time, so that no record is taken twice. */
  load(): Promise<readonly StoredKey[]> {
    const reading = this.#reading.then(() => this.#readOn());
    this.#reading = reading.catch(() => undefined);
    return reading;
  }

  add(key: StoredKey): Promise<boolean> {
    return this.#append({ version: RECORD_VERSION, type: 'created', key });
  }

  remove(revoked: Revocation): Promise<boolean> {
    return this.#append({ version: RECORD_VERSION, type: 'revoked', revoked });
  }

  async #append(record: KeyRecord): Promise<boolean> {
    try {
      await this.#journal.append(STREAM, Buffer.from(JSON.stringify(record)), { expectedLast: this.#last });
      return true;
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
      this.#refusal = error;
      return false;
    }
  }

  async #readOn(): Promise<readonly StoredKey[]> {
    for await (const { sequence, payload } of recordsSince(this.#journal, STREAM, this.#last, this.#refusal)) {
      this.#keys = applied(this.#keys, recordOf(payload, sequence));
      this.#last = sequence;
    }
    return this.#keys;
  }
}

function applied(keys: readonly StoredKey[], record: KeyRecord): readonly StoredKey[] {
  if (record.type === 'created') return [...keys, record.key];
  const { tenant, name } = record.revoked;
  return keys.filter((key) => key.tenant !== tenant || key.name !== name);
}

function recordOf(payload: Uint8Array, sequence: number): KeyRecord {
  let record: unknown;
  try {
    record = JSON.parse(Buffer.from(payload).toString());
  } catch {
    record = undefined;
  }
  if (Value.Check(KeyRecord, record)) return record;
  throw new StorageCorruptError(
    `record ${sequence} of ${streamName(STREAM)} must be a key of version ${RECORD_VERSION}: a newer release wrote it, or it is damaged`,
  );
}
