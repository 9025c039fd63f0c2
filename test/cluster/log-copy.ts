/** A copy of every topic's log, made while it is written, since the cluster trims what it no longer needs. */
import type { Topic } from '../../models/stages/stage.js';
import type { Journal, JournalReader } from '../../storage/journal/journal.js';

export const COPIED = ['readings', 'frames', 'scores', 'alerts'] as const satisfies readonly Topic[];
export type CopiedTopic = (typeof COPIED)[number];

const READ_RECORDS = 1_000;
const READ_BYTES = 8_388_608;
const WAIT_MS = 60_000;
const CATCH_UP_MS = 60_000;

/** Payloads of one stream, from its first record on, without holes. */
export type Stream = readonly Uint8Array[];

export class LogCopy {
  readonly partitions: number;
  readonly #journal: Journal;
  readonly #streams: Readonly<Record<CopiedTopic, Uint8Array[][]>>;
  readonly #readers: JournalReader[] = [];
  readonly #running: Promise<void>[] = [];
  readonly #failures: string[] = [];
  #isStopping = false;
  #arrived: (topic: CopiedTopic, partition: number, payload: Uint8Array) => void = () => undefined;

  constructor(journal: Journal, partitions: number) {
    this.#journal = journal;
    this.partitions = partitions;
    const empty = (): Uint8Array[][] => Array.from({ length: partitions }, () => []);
    this.#streams = { readings: empty(), frames: empty(), scores: empty(), alerts: empty() };
  }

  /** @param arrived is told of each record, as it comes. */
  start(arrived: (topic: CopiedTopic, partition: number, payload: Uint8Array) => void = () => undefined): void {
    this.#arrived = arrived;
    for (const topic of COPIED) {
      for (let partition = 0; partition < this.partitions; partition++) {
        const running = this.#follow(topic, partition).catch((error: unknown) => {
          this.#failures.push(`the copy of ${topic}.${partition} ended: ${String(error)}`);
        });
        this.#running.push(running);
      }
    }
  }

  stream(topic: CopiedTopic, partition: number): Stream {
    return this.#streams[topic][partition]!;
  }

  /** Waits until it has all there is now, then ends. @throws when a part of the log was gone before it was copied. */
  async finish(): Promise<void> {
    const deadlineMs = performance.now() + CATCH_UP_MS;
    for (const topic of COPIED) {
      for (let partition = 0; partition < this.partitions; partition++) {
        const { last } = await this.#journal.state({ topic, partition });
        while (this.#streams[topic][partition]!.length < last) {
          if (this.#failures.length > 0) break;
          if (performance.now() > deadlineMs)
            throw new Error(`the copy of ${topic}.${partition} has not reached record ${last}`);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    }
    await this.stop();
    if (this.#failures.length > 0) throw new Error(this.#failures.join('\n'));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const reader of this.#readers) reader.close();
    await Promise.all(this.#running);
  }

  async #follow(topic: CopiedTopic, partition: number): Promise<void> {
    const reader = this.#journal.read({ topic, partition }, 1);
    this.#readers.push(reader);
    const stream = this.#streams[topic][partition]!;
    while (!this.#isStopping) {
      for (const { sequence, payload } of await reader.next(READ_RECORDS, READ_BYTES, WAIT_MS)) {
        if (sequence !== stream.length + 1)
          throw new Error(`record ${stream.length + 1} was expected, and ${sequence} came`);
        // A copy of its own: the reader may use its buffer again.
        stream.push(Uint8Array.from(payload));
        this.#arrived(topic, partition, payload);
      }
    }
  }
}
