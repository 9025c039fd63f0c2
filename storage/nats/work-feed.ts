/**
 * Messages of one stream that are taken out of it when they have been dealt with: a durable pull consumer with acknowledgements,
 * for one reader at a time.
 *
 * Messages come in the order of the stream. What another reader, or this one over a connection that broke, was sent and did not
 * acknowledge, the server sends again after `ackWaitMs`, and newer ones meanwhile: those are held back until the others are there.
 * A message can come twice, and none is lost.
 */
import type { ConsumerInfo, StreamConfig } from '@nats-io/jetstream';
import type { Msg, Subscription } from 'nats';
import { JetStreamRefusal, RefusalCode, type JetStreamApi } from './jetstream-api.js';
import { NANOSECONDS_A_MS } from './stream-layout.js';

export interface WorkMessage {
  /** In the stream. */
  readonly sequence: number;
  readonly subject: string;
  readonly payload: Uint8Array;
  /** The first value of a header; empty: there is none. */
  readonly header: (name: string) => string;
  /** When the server stored it, Unix ms by its clock: alike each time it comes. */
  readonly storedMs: number;
  /** Takes it out of the stream. */
  readonly acknowledge: () => void;
}

export interface WorkFeedOptions {
  /** Created where it is missing; one that is there stays as it is. */
  readonly stream: Partial<StreamConfig> & { readonly name: string };
  /** Name of the consumer. */
  readonly consumer: string;
  /** Only messages of subjects within this. */
  readonly subjects: string;
  readonly ackWaitMs: number;
}

/** A pull asks for so many; the next one is sent when they are dealt with. */
const PULL_MESSAGES = 512;
const PULL_BYTES = 8 * 2 ** 20;
const PULL_LASTS_MS = 20_000;
/** An answer that says that a pull is over may be late by this. */
const GRACE_MS = 2_000;
const AGAIN_MS = 1_000;

export class WorkFeed {
  readonly #api: JetStreamApi;
  readonly #options: WorkFeedOptions;
  readonly #failed: (error: unknown) => void;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #endReconnects: () => void;
  #waiting: WorkMessage[] = [];
  /** Stream sequences that are waiting or being dealt with: what comes again meanwhile is dropped. */
  readonly #held = new Set<number>();
  /** Stream and consumer are there. */
  #isReady = false;
  #attempt = 0;
  #pull = 0;
  /** Messages that the open pull may still bring; 0: none is open. */
  #open = 0;
  #timer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;
  /** Messages up to `sequence` that were sent to somebody and must come again before newer ones are given out. */
  #owed: { readonly sequence: number; count: number; readonly untilMs: number } | undefined;
  #isClosed = false;

  /** @param failed told why there is no consumer; it is tried again, for as long as it takes. */
  constructor(api: JetStreamApi, options: WorkFeedOptions, failed: (error: unknown) => void) {
    this.#api = api;
    this.#options = options;
    this.#failed = failed;
    this.#inbox = api.connection.createInbox();
    this.#subscription = api.connection.subscribe(`${this.#inbox}.*`, (message) => this.#receive(message));
    this.#endReconnects = api.connection.onReconnect(() => this.#begin());
    this.#begin();
  }

  /** All messages that are there, in order, as soon as there is one; none when the feed is closed. */
  async next(): Promise<readonly WorkMessage[]> {
    while ((this.#waiting.length === 0 || this.#isOwed()) && !this.#isClosed) {
      this.#more();
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#waiting.splice(0).sort((a, b) => a.sequence - b.sequence);
  }

  /** Nothing more is received. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#endReconnects();
    if (!this.#api.connection.isClosed) this.#subscription.unsubscribe();
    this.#wake?.();
  }

  /** Makes sure that stream and consumer are there, then pulls. */
  #begin(): void {
    clearTimeout(this.#timer);
    this.#open = 0;
    this.#isReady = false;
    const attempt = ++this.#attempt;
    this.#ensure().then(
      ({ num_ack_pending: unacknowledged, delivered }) => {
        if (attempt !== this.#attempt || this.#isClosed) return;
        this.#isReady = true;
        this.#expect(unacknowledged - this.#held.size, delivered.stream_seq);
        this.#more();
      },
      (error: unknown) => {
        if (this.#isClosed || attempt !== this.#attempt) return;
        this.#failed(error);
        this.#later(AGAIN_MS);
      },
    );
  }

  #expect(count: number, sequence: number): void {
    if (count <= 0) return;
    // Some may be gone from the stream, and will never come.
    const forMs = 2 * this.#options.ackWaitMs + GRACE_MS;
    this.#owed = { sequence, count, untilMs: performance.now() + forMs };
    setTimeout(() => this.#wake?.(), forMs + 1).unref();
  }

  #isOwed(): boolean {
    if (this.#owed !== undefined && (this.#owed.count <= 0 || performance.now() >= this.#owed.untilMs)) {
      this.#owed = undefined;
    }
    return this.#owed !== undefined;
  }

  async #ensure(): Promise<ConsumerInfo> {
    const { stream, consumer, subjects, ackWaitMs } = this.#options;
    try {
      await this.#api.streamInfo(stream.name);
    } catch (error) {
      if (!(error instanceof JetStreamRefusal && error.errCode === RefusalCode.streamNotFound)) throw error;
      await this.#api.createStream(stream);
    }
    return this.#api.createConsumer(stream.name, {
      name: consumer,
      durable_name: consumer,
      ack_policy: 'explicit',
      ack_wait: ackWaitMs * NANOSECONDS_A_MS,
      deliver_policy: 'all',
      replay_policy: 'instant',
      filter_subject: subjects,
      max_ack_pending: 2 * PULL_MESSAGES,
    });
  }

  #more(): void {
    if (this.#isClosed || !this.#isReady || this.#open > 0 || (this.#held.size > 0 && !this.#isOwed())) return;
    if (!this.#api.connection.isConnected) return;
    this.#open = PULL_MESSAGES;
    const { stream, consumer } = this.#options;
    const request = {
      batch: PULL_MESSAGES,
      // A message that is larger than the bound would never come.
      max_bytes: Math.max(PULL_BYTES, this.#api.connection.maxPayloadBytes),
      expires: PULL_LASTS_MS * NANOSECONDS_A_MS,
    };
    this.#api.pull(stream.name, consumer, request, `${this.#inbox}.${++this.#pull}`);
    this.#later(PULL_LASTS_MS + GRACE_MS);
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#begin(), ms);
  }

  #receive(message: Msg): void {
    const place = placeOf(message.reply);
    if (place === undefined) {
      // What the server says of a pull: it is over, or there is no consumer.
      if (Number(message.subject.slice(this.#inbox.length + 1)) !== this.#pull) return;
      const { code, description = '' } = message.headers ?? {};
      if (code === 100) return;
      this.#open = 0;
      // Over by time or by bytes. Else the consumer is gone, its leader has changed, or the server goes down.
      if (code === 408 || (code === 409 && description.includes('MaxBytes'))) this.#more();
      else this.#later(AGAIN_MS);
      return;
    }
    this.#open = Math.max(0, this.#open - 1);
    if (this.#held.has(place.sequence)) return;
    this.#held.add(place.sequence);
    if (this.#owed !== undefined && place.sequence <= this.#owed.sequence) this.#owed.count--;
    this.#waiting.push({
      sequence: place.sequence,
      subject: message.subject,
      payload: message.data,
      header: (name) => message.headers?.get(name) ?? '',
      storedMs: place.storedMs,
      acknowledge: () => {
        this.#held.delete(place.sequence);
        this.#api.connection.publish(message.reply!, '+ACK');
        this.#more();
      },
    });
    this.#wake?.();
  }
}

interface Place {
  readonly sequence: number;
  readonly storedMs: number;
}

/** As in `pull-feed.ts`: `$JS.ACK.<stream>.<consumer>.<times>.<stream seq>.<consumer seq>.<time in ns>.<pending>`. */
function placeOf(reply: string | undefined): Place | undefined {
  const words = reply?.split('.') ?? [];
  if (words[0] !== '$JS' || words[1] !== 'ACK') return undefined;
  const at = words.length === 9 ? 3 : 5;
  const sequence = Number(words[at + 2]);
  // Beyond 2^53 the nanoseconds are inexact; a whole ms is not.
  const storedMs = Number((words[at + 4] ?? '').slice(0, -6));
  return Number.isSafeInteger(sequence) && Number.isSafeInteger(storedMs) ? { sequence, storedMs } : undefined;
}
