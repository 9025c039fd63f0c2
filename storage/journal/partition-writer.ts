/**
 * Appends readings and commands to one partition of `readings`, in order.
 *
 * One chunk is in flight at a time. What arrives meanwhile gathers in the next one: order survives retries, an idle line waits
 * for nothing, and chunks grow with the load.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeviceKey } from '../../models/domain/identity.js';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import { OverloadedError, StorageFailedError } from '../../models/errors.js';
import type { Journal, StreamId } from './journal.js';

/** With the widest readings a chunk stays under 1 MB in every topic, the default limit of a NATS message. */
const LARGEST_CHUNK_RECORDS = 1_000;
const LARGEST_CHUNK_VALUES = 8_192;
/** Each reading may have channels of its own, whose names take more than its values. */
const LARGEST_CHUNK_BYTES = 800_000;
const ATTEMPTS = 3;
/** Before the second attempt, and twice as long before the third: a broker that starts again, or elects, needs a moment. */
const ATTEMPT_AGAIN_MS = 100;
const RETRY_AFTER_MS = 1_000;

interface Filling {
  readonly batch: ReadingBatch;
  readonly acknowledged: Promise<void>;
  /** Of the first recorded request in it. */
  traceparent: string | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class PartitionWriter {
  readonly #journal: Journal;
  readonly #stream: StreamId;
  readonly #wallMs: () => number;
  readonly #mostWaiting: number;
  /** Chunks not yet appended, the last one still filling. */
  readonly #queue: Filling[] = [];
  #isFlushing = false;
  #newest: Promise<void> = Promise.resolve();

  /** @param mostWaiting chunks that may wait before `check` refuses. */
  constructor(journal: Journal, partition: number, wallMs: () => number, mostWaiting: number) {
    this.#journal = journal;
    this.#stream = { topic: 'readings', partition };
    this.#wallMs = wallMs;
    this.#mostWaiting = mostWaiting;
  }

  /**
   * Lets `write` add records to the chunk that is filling.
   *
   * @param traceparent of the request, where it is recorded.
   * @returns resolves when that chunk is durable; rejects when it is not known to be.
   * @throws OverloadedError when too many chunks wait.
   */
  add(write: (batch: ReadingBatch) => void, traceparent?: string): Promise<void> {
    this.check();
    const filling = this.#filling();
    filling.traceparent ??= traceparent;
    write(filling.batch);
    this.#flushSoon();
    return filling.acknowledged;
  }

  /**
   * Whether more may come. Asked once for all readings of a batch, before the first is added: a batch is taken whole or not at all,
   * however many chunks it makes.
   *
   * @throws OverloadedError when too many chunks wait.
   */
  check(): void {
    if (this.#queue.length < this.#mostWaiting || !isFull(this.#queue.at(-1)!.batch)) return;
    throw new OverloadedError(
      `${this.#queue.length} chunks wait to be written to partition ${this.#stream.partition}`,
      RETRY_AFTER_MS,
    );
  }

  /** As `add`, for reading `i` of a batch, under the name `device`, after `check`. */
  addReading(from: ReadingBatch, i: number, device: DeviceKey, traceparent?: string): Promise<void> {
    const filling = this.#filling();
    filling.traceparent ??= traceparent;
    filling.batch.copyReading(from, i, device);
    this.#flushSoon();
    return filling.acknowledged;
  }

  /** Resolves when everything added so far is acknowledged or refused. */
  async settle(): Promise<void> {
    await this.#newest.catch(() => undefined);
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // In a microtask, so that one request's readings for this partition travel together.
    queueMicrotask(() => void this.#flush());
  }

  #filling(): Filling {
    const newest = this.#queue.at(-1);
    if (newest !== undefined && !isFull(newest.batch)) return newest;
    const { promise, resolve, reject } = withResolvers();
    const batch = ReadingBatch.create();
    const fresh = { batch, acknowledged: promise, traceparent: undefined, resolve, reject };
    this.#queue.push(fresh);
    this.#newest = promise;
    return fresh;
  }

  async #flush(): Promise<void> {
    for (let filling = this.#queue.shift(); filling !== undefined; filling = this.#queue.shift()) {
      try {
        filling.batch.receivedMs = this.#wallMs();
        await this.#append(filling.batch.encode(), filling.traceparent);
        filling.resolve();
      } catch (error) {
        filling.reject(error);
      }
    }
    this.#isFlushing = false;
  }

  /**
   * The message id makes a second attempt harmless when the first one had landed after all. The next chunk is not sent before
   * this one has ended, so no attempt of ours overtakes another.
   */
  async #append(payload: Uint8Array, traceparent: string | undefined): Promise<void> {
    const messageId = randomUUID();
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#journal.append(this.#stream, payload, { messageId, traceparent });
        return;
      } catch (error) {
        if (!(error instanceof StorageFailedError) || attempt === ATTEMPTS) throw error;
        await sleep(ATTEMPT_AGAIN_MS * attempt);
      }
    }
  }
}

function isFull({ length, values, mostBytes }: ReadingBatch): boolean {
  return length >= LARGEST_CHUNK_RECORDS || values.length >= LARGEST_CHUNK_VALUES || mostBytes >= LARGEST_CHUNK_BYTES;
}

function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // Whoever added is told through `acknowledged`; nobody may be left to listen when a request has timed out.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
