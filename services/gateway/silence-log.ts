/** Silences as people see them: the topic `silences` of the log, which all gateways share. What partitions follow are commands. */
import { ChunkKind, decodeChunk, encodeChunk } from '../../models/domain/chunk.js';
import type { AlertSilence } from '../../models/domain/alert-silence.js';
import type { Journal } from '../../storage/journal/journal.js';
import { recordsSince } from '../../storage/journal/records-since.js';
import { SerialQueue } from '../../storage/serial-queue.js';

const STREAM = { topic: 'silences', partition: 0 } as const;
/** What is over for so long is no longer listed. */
const LISTED_AFTER_MS = 30 * 86_400_000;
/** And of a tenant no more than so many that are over or ended, the latest ones. */
const MOST_PAST = 500;

/** `asked`: it may be in force or not, since its maker got no answer. `ended`: taken back before its time. */
export interface ListedSilence extends AlertSilence {
  readonly state: 'asked' | 'set' | 'ended';
  readonly createdMs: number;
}

export class SilenceLog {
  readonly #journal: Journal;
  readonly #silences = new Map<string, ListedSilence>();
  readonly #turns = new SerialQueue();
  #last = 0;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Durable when it resolves. @throws StorageFailedError */
  async write(silence: ListedSilence): Promise<void> {
    const header = { kind: ChunkKind.silences, epoch: 0, from: 0, to: 0, timeMs: silence.createdMs };
    await this.#journal.append(STREAM, encodeChunk(header, [[JSON.stringify(silence)]]));
  }

  /** Those of a tenant, oldest first. @throws StorageFailedError */
  async list(tenant: string, nowMs: number): Promise<readonly ListedSilence[]> {
    await this.#turns.run(() => this.#readOn());
    for (const [id, { untilMs }] of this.#silences) if (untilMs + LISTED_AFTER_MS <= nowMs) this.#silences.delete(id);
    const own = [...this.#silences.values()].filter((silence) => silence.tenant === tenant);
    const past = own.filter(({ state, untilMs }) => state === 'ended' || untilMs <= nowMs);
    for (const { id } of past.slice(0, Math.max(0, past.length - MOST_PAST))) this.#silences.delete(id);
    return own.filter(({ id }) => this.#silences.has(id));
  }

  async #readOn(): Promise<void> {
    for await (const { sequence, payload } of recordsSince(this.#journal, STREAM, this.#last)) {
      const { sections } = decodeChunk(payload, ChunkKind.silences);
      const silence = JSON.parse((sections[0] as string[])[0]!) as ListedSilence;
      this.#silences.set(silence.id, silence);
      this.#last = sequence;
    }
  }
}
