import { ConflictError, FencedError } from '../../models/errors.js';
import {
  decodeRegistryRecords,
  encodeRegistryRecords,
  Registry,
  type RegistryRecord,
} from '../../models/registry/registry.js';
import type { Journal } from '../../storage/journal/journal.js';
import { SerialQueue } from '../../storage/serial-queue.js';

const STREAM = { topic: 'registry', partition: 0 } as const;
const READ_RECORDS = 256;
const READ_BYTES = 4_194_304;
const READ_WAIT_MS = 1_000;
const ATTEMPTS = 5;

/** The registry and its log. Changes are compare-and-set: each is decided on everything that is in the log before it. */
export class RegistryLog {
  readonly registry = new Registry();
  readonly #journal: Journal;
  readonly #wallMs: () => number;
  /** What is read must not be applied twice, nor between the decision and the append. */
  readonly #turns = new SerialQueue();
  #last = 0;

  constructor(journal: Journal, wallMs: () => number) {
    this.#journal = journal;
    this.#wallMs = wallMs;
  }

  /** Reads what others have written since. @throws StorageCorruptError, StorageFailedError */
  refresh(): Promise<void> {
    return this.#turns.run(() => this.#readOn());
  }

  /**
   * Appends what `decide` says, once nobody else has written in between.
   *
   * @returns the records; empty when there was nothing to change.
   * @throws ConflictError when others keep writing; whatever `decide` throws.
   */
  append<Written extends RegistryRecord>(
    decide: (registry: Registry) => readonly Written[],
  ): Promise<readonly Written[]> {
    return this.#turns.run(() => this.#append(decide));
  }

  async #append<Written extends RegistryRecord>(
    decide: (registry: Registry) => readonly Written[],
  ): Promise<readonly Written[]> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const records = decide(this.registry);
      if (records.length === 0) return records;
      try {
        const payload = encodeRegistryRecords(records, this.#wallMs());
        this.#last = await this.#journal.append(STREAM, payload, { expectedLast: this.#last });
        for (const record of records) this.registry.apply(record);
        return records;
      } catch (error) {
        if (!(error instanceof FencedError)) throw error;
        await this.#readOn();
      }
    }
    throw new ConflictError('somebody else changes the registry at the same time: look, then try again');
  }

  async #readOn(): Promise<void> {
    const { last } = await this.#journal.state(STREAM);
    const reader = this.#journal.read(STREAM, this.#last + 1);
    try {
      while (this.#last < last) {
        for (const record of await reader.next(READ_RECORDS, READ_BYTES, READ_WAIT_MS)) {
          for (const change of decodeRegistryRecords(record.payload)) this.registry.apply(change);
          this.#last = record.sequence;
        }
      }
    } finally {
      reader.close();
    }
  }
}
