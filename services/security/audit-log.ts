/**
 * Who changed what: one entry before each change, in the topic `audit` of the log. No entry, no change: what cannot be written down is
 * not done. A change that then failed has a second entry that says so.
 */
import { ChunkKind, decodeChunk, encodeChunk } from '../../models/domain/chunk.js';
import { StorageFailedError } from '../../models/errors.js';
import { firstAt } from '../../storage/journal/first-at.js';
import type { Journal, JournalRecord } from '../../storage/journal/journal.js';

const STREAM = { topic: 'audit', partition: 0 } as const;
/** Every so many entries, what is too old is forgotten. */
const TRIM_EVERY = 500;
const DAY_MS = 86_400_000;
const READ_BYTES = 4_194_304;
const READ_WAIT_MS = 1_000;
/** Records read for one page: a tenant with few entries among many of others is found over several pages. */
const MOST_READ = 5_000;
const BLOCK = 500;

export interface AuditEntry {
  /** Unix ms. */
  readonly atMs: number;
  readonly tenant: string;
  /** Name of the key, or subject of the token. */
  readonly by: string;
  readonly role: string;
  /** Address that asked. */
  readonly from: string;
  /** Method and route, for example `POST /v1/models/:name/promote`. */
  readonly action: string;
  /** From the path. */
  readonly target: Readonly<Record<string, string>>;
  /** What was sent, cut. */
  readonly details?: string;
  /** Joins the entries of one request. */
  readonly request: string;
  /** Present in the second entry of a change that failed: status of the answer. */
  readonly failed?: number;
}

export interface AuditPage {
  /** Newest first. */
  readonly entries: readonly AuditEntry[];
  /** Give it back as `before` for older ones; undefined at the end. */
  readonly next: string | undefined;
}

export class AuditLog {
  readonly #journal: Journal;
  readonly #keepMs: number;
  readonly #failed: (error: unknown) => void;
  #appended = 0;

  /** @param failed told when old entries could not be forgotten */
  constructor(journal: Journal, keepDays: number, failed: (error: unknown) => void) {
    this.#journal = journal;
    this.#keepMs = keepDays * DAY_MS;
    this.#failed = failed;
  }

  /** Durable when it resolves. @throws StorageFailedError */
  async append(entry: AuditEntry): Promise<void> {
    const header = { kind: ChunkKind.audit, epoch: 0, from: 0, to: 0, timeMs: entry.atMs };
    await this.#journal.append(STREAM, encodeChunk(header, [[JSON.stringify(entry)]]));
    if (this.#appended++ % TRIM_EVERY === 0) void this.#trim(entry.atMs - this.#keepMs).catch(this.#failed);
  }

  /**
   * @param before `next` of the page before
   * @throws StorageFailedError
   */
  async page(tenant: string, limit: number, before?: number): Promise<AuditPage> {
    const { first, last } = await this.#journal.state(STREAM);
    const entries: AuditEntry[] = [];
    let end = Math.min(last, before === undefined ? last : before - 1);
    const floor = Math.max(first, end - MOST_READ + 1);
    while (end >= floor && entries.length < limit) {
      const from = Math.max(floor, end - BLOCK + 1);
      const records = await this.#read(from, end);
      if (records.length === 0) throw new StorageFailedError(`entries ${from} to ${end} of the audit log do not come`);
      for (const { payload, sequence } of records.reverse()) {
        if (entries.length === limit) break;
        end = sequence - 1;
        const entry = entryOf(payload);
        if (entry.tenant === tenant) entries.push(entry);
      }
    }
    return { entries, next: end >= first ? String(end + 1) : undefined };
  }

  async #read(from: number, to: number): Promise<JournalRecord[]> {
    const reader = this.#journal.read(STREAM, from);
    const records: JournalRecord[] = [];
    try {
      while (records.length < to - from + 1) {
        const read = await reader.next(to - from + 1 - records.length, READ_BYTES, READ_WAIT_MS);
        if (read.length === 0) break;
        records.push(...read);
      }
    } finally {
      reader.close();
    }
    return records;
  }

  async #trim(beforeMs: number): Promise<void> {
    const { first, last } = await this.#journal.state(STREAM);
    const kept = await firstAt(this.#journal, STREAM, beforeMs, { from: first, to: last });
    if (kept > first) await this.#journal.trim(STREAM, kept);
  }
}

function entryOf(payload: Uint8Array): AuditEntry {
  const { sections } = decodeChunk(payload, ChunkKind.audit);
  return JSON.parse((sections[0] as string[])[0]!) as AuditEntry;
}
