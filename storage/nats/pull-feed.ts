/**
 * Messages of one stream as they come, over everything that may happen to the connection, the server or the consumer.
 *
 * A pull consumer of our own name in the server's memory, without acknowledgements. One pull is open at a time and stays open
 * while nothing comes: an idle feed costs a heartbeat now and then, and a message arrives without being asked for. When anything
 * is odd (the connection was new, heartbeats stay away, deliveries have a gap) the consumer is made anew from where its user is.
 */
import { randomUUID } from 'node:crypto';
import type { ConsumerConfig, ConsumerInfo } from '@nats-io/jetstream';
import type { Msg, MsgHdrs, Subscription } from 'nats';
import type { JetStreamApi } from './jetstream-api.js';
import { NANOSECONDS_A_MS } from './stream-layout.js';

export interface FeedMessage {
  /** Sequence in the stream. */
  readonly sequence: number;
  readonly subject: string;
  /** Messages that wait behind this one, as the server knew. */
  readonly pending: number;
  /** A view into the socket's buffer: copy what is kept. */
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs | undefined;
}

/** Who a feed is for. None of these may throw. */
export interface FeedUser {
  /** Where to begin, asked at each new beginning. */
  start(): Partial<ConsumerConfig>;
  /** Whether there is room for one more pull. */
  hasRoom(): boolean;
  received(message: FeedMessage): void;
  /** A consumer stands, anew or for the first time. Its messages follow. */
  started(info: ConsumerInfo): void;
  /** Nothing came for a while; the consumer stands behind this sequence of the stream. */
  idle(streamSequence: number): void;
  /** No consumer could be made; it is tried again. */
  failed(error: unknown): void;
}

/** A pull asks for this many messages, or the bytes that the budget allows; one message that is larger comes alone. */
const PULL_MESSAGES = 512;
const PULL_LASTS_MS = 60_000;
const HEARTBEAT_MS = 4_000;
/** Two heartbeats and what a busy process may be late. */
const SILENCE_MS = 10_000;
const RETRY_FIRST_MS = 50;
const RETRY_LONGEST_MS = 2_000;
/** The server forgets a consumer that nobody pulls from, in case that its user died. */
const INACTIVE_MS = 120_000;

export class PullFeed {
  readonly #api: JetStreamApi;
  readonly #stream: string;
  readonly #user: FeedUser;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #endReconnects: () => void;
  /** Of the consumer that is heard; what belongs to an earlier one is dropped. */
  #generation = 0;
  #consumer: string | undefined;
  #isCreating = false;
  #pulls = 0;
  /** Messages that the open pull may still bring; 0: none is open. */
  #open = 0;
  #broughtByPull = 0;
  #isNextAlone = false;
  /** Deliveries of this consumer so far. */
  #delivered = 0;
  #heardMs = 0;
  #retryMs = RETRY_FIRST_MS;
  #retry: NodeJS.Timeout | undefined;
  readonly #silence: NodeJS.Timeout;
  #isClosed = false;

  constructor(api: JetStreamApi, stream: string, user: FeedUser) {
    this.#api = api;
    this.#stream = stream;
    this.#user = user;
    api.connection.pulls.join();
    this.#inbox = api.connection.createInbox();
    this.#subscription = api.connection.subscribe(`${this.#inbox}.*.*`, (message) => this.#receive(message));
    this.#endReconnects = api.connection.onReconnect(() => this.restart());
    this.#silence = setInterval(() => this.#checkSilence(), HEARTBEAT_MS);
    void this.#begin();
  }

  /** Pulls when there is room and no pull is open. Call it when room was made. */
  more(): void {
    if (this.#isClosed || this.#consumer === undefined || this.#open > 0 || !this.#user.hasRoom()) return;
    this.#open = this.#isNextAlone ? 1 : PULL_MESSAGES;
    this.#broughtByPull = 0;
    this.#heardMs = performance.now();
    this.#api.pull(
      this.#stream,
      this.#consumer,
      {
        batch: this.#open,
        ...(this.#isNextAlone ? {} : { max_bytes: this.#api.connection.pulls.bytesEach(this.#heardMs) }),
        expires: PULL_LASTS_MS * NANOSECONDS_A_MS,
        idle_heartbeat: HEARTBEAT_MS * NANOSECONDS_A_MS,
      },
      `${this.#inbox}.${this.#generation}.${++this.#pulls}`,
    );
    this.#isNextAlone = false;
  }

  /** Makes the consumer anew, from where its user is now. */
  restart(): void {
    if (this.#isClosed) return;
    this.#drop();
    if (this.#isCreating) return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    void this.#begin();
  }

  /** Nothing is received any more. Tells the server, and does not wait for it. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#api.connection.pulls.leave();
    clearTimeout(this.#retry);
    clearInterval(this.#silence);
    this.#endReconnects();
    if (!this.#api.connection.isClosed) this.#subscription.unsubscribe();
    this.#drop();
  }

  #drop(): void {
    const consumer = this.#consumer;
    this.#generation++;
    this.#consumer = undefined;
    this.#open = 0;
    // Best effort: the server forgets it by itself after a while.
    if (consumer !== undefined && this.#api.connection.isConnected) {
      this.#api.deleteConsumer(this.#stream, consumer).catch(() => {});
    }
  }

  async #begin(): Promise<void> {
    const generation = ++this.#generation;
    this.#isCreating = true;
    const name = `r${randomUUID().replaceAll('-', '')}`;
    try {
      const info = await this.#api.createConsumer(this.#stream, {
        name,
        ack_policy: 'none',
        replay_policy: 'instant',
        inactive_threshold: INACTIVE_MS * NANOSECONDS_A_MS,
        mem_storage: true,
        num_replicas: 1,
        ...this.#user.start(),
      });
      this.#isCreating = false;
      if (this.#isClosed || generation !== this.#generation) {
        this.#api.deleteConsumer(this.#stream, name).catch(() => {});
        if (!this.#isClosed) void this.#begin();
        return;
      }
      this.#consumer = name;
      this.#delivered = 0;
      this.#isNextAlone = false;
      this.#retryMs = RETRY_FIRST_MS;
      this.#user.started(info);
      this.more();
    } catch (error) {
      this.#isCreating = false;
      if (this.#isClosed) return;
      this.#user.failed(error);
      this.#beginLater();
    }
  }

  #beginLater(): void {
    if (this.#retry !== undefined || this.#isCreating || this.#isClosed) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      void this.#begin();
    }, this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_LONGEST_MS);
  }

  #receive(message: Msg): void {
    const place = parsePlace(message.reply);
    if (place === undefined) {
      // What the server itself says comes without a place, and names the pull that it is about.
      const [generation, pull] = message.subject.slice(this.#inbox.length + 1).split('.');
      if (Number(generation) !== this.#generation || message.headers === undefined) return;
      this.#heardMs = performance.now();
      this.#hearStatus(message.headers, Number(pull) === this.#pulls);
      return;
    }
    if (place.consumer !== this.#consumer) return;
    this.#heardMs = performance.now();
    if (place.delivery !== this.#delivered + 1) {
      this.restart();
      return;
    }
    this.#delivered++;
    this.#open--;
    this.#broughtByPull++;
    this.#user.received({
      sequence: place.sequence,
      subject: message.subject,
      pending: place.pending,
      payload: message.data,
      headers: message.headers,
    });
    this.more();
  }

  #hearStatus(headers: MsgHdrs, isOfOpenPull: boolean): void {
    const { code } = headers;
    if (code === 100) {
      const last = Number(headers.get('Nats-Last-Stream'));
      if (Number.isSafeInteger(last)) this.#user.idle(last);
      return;
    }
    const isTooLarge = code === 409 && headers.description.includes('MaxBytes');
    if (code === 408 || code === 404 || isTooLarge) {
      if (!isOfOpenPull) return;
      this.#isNextAlone = isTooLarge && this.#broughtByPull === 0;
      this.#open = 0;
      this.more();
      return;
    }
    // Consumer deleted, leader changed, server going down, or a limit that somebody set.
    this.#drop();
    this.#beginLater();
  }

  #checkSilence(): void {
    if (this.#open > 0 && this.#api.connection.isConnected && performance.now() - this.#heardMs > SILENCE_MS) {
      this.restart();
    }
  }
}

interface Place {
  readonly consumer: string;
  readonly sequence: number;
  readonly delivery: number;
  readonly pending: number;
}

/**
 * `$JS.ACK.<stream>.<consumer>.<times>.<stream seq>.<consumer seq>.<time>.<pending>`, on newer servers with domain and account
 * before the stream and a token behind.
 */
function parsePlace(reply: string | undefined): Place | undefined {
  const words = reply?.split('.') ?? [];
  if (words[0] !== '$JS' || words[1] !== 'ACK') return undefined;
  const at = words.length === 9 ? 3 : 5;
  const place = {
    consumer: words[at] ?? '',
    sequence: Number(words[at + 2]),
    delivery: Number(words[at + 3]),
    pending: Number(words[at + 5]),
  };
  return Number.isSafeInteger(place.sequence + place.delivery + place.pending) ? place : undefined;
}
