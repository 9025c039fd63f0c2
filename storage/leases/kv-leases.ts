/**
 * Leases of a cluster: one JetStream key-value bucket, laid out as the `nats kv` command knows it. A lease is a key `<stage>.<p>`
 * whose value the server forgets `ttlMs` after it was written; its revision when it was taken is the epoch.
 *
 * Every change names the revision that it replaces, so that one of two wins. The value has a token that only its holder knows:
 * an operation that worked although its answer was lost is recognised as our own at the next try.
 */
import { randomUUID } from 'node:crypto';
import { StorageFailedError } from '../../models/errors.js';
import { JetStreamApi, JetStreamRefusal, PublishHeader, RefusalCode } from '../nats/jetstream-api.js';
import type { NatsConnection } from '../nats/nats-connection.js';
import { PullFeed, type FeedMessage } from '../nats/pull-feed.js';
import { ensureStream, NANOSECONDS_A_MS, type StreamLayout } from '../nats/stream-layout.js';
import type { Lease, LeasedWork, LeaseId, Leases } from './leases.js';

export interface KvLeasesOptions {
  /** Begins the name of the bucket. */
  readonly namespace: string;
  /** Servers that hold the bucket when it is created now. */
  readonly replicas: number;
  /** Default 10,000. Fixed when the bucket is created. */
  readonly ttlMs?: number;
}

/** What the server holds under a key. */
interface Entry {
  readonly revision: number;
  /** Undefined: it was given back. */
  readonly holder: string | undefined;
  readonly token: string;
}

interface Held {
  readonly epoch: number;
  readonly holder: string;
  readonly token: string;
  revision: number;
}

interface Heard {
  readonly revision: number;
  readonly holder: string | undefined;
  /** By the monotonic clock: the server has forgotten it by then, and tells nobody. */
  readonly untilMs: number;
}

const TTL_MS = 10_000;
/**
 * For one request. An answer may be this much older than it seems to the caller, who counts on 70 % of the TTL from then:
 * together they must stay below the TTL.
 */
const REQUEST_MS = 2_000;
/** Each but the first knows something new: the key is gone, was given back, or is ours. */
const ATTEMPTS = 3;
const OPERATION = 'KV-Operation';

export class KvLeases implements Leases {
  readonly ttlMs: number;
  readonly #api: JetStreamApi;
  readonly #layout: StreamLayout;
  readonly #replicas: number;
  readonly #stream: string;
  readonly #prefix: string;
  readonly #held = new Map<string, Held>();
  /** Tokens of what may lie at the server as ours, by key: acquisitions and returns whose end is not known. */
  readonly #unresolved = new Map<string, string>();
  readonly #heard = new Map<string, Heard>();
  readonly #listeners = new Set<() => void>();
  readonly #feed: PullFeed;
  #expiry: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(api: JetStreamApi, bucket: string, layout: StreamLayout, options: KvLeasesOptions) {
    this.#api = api;
    this.ttlMs = options.ttlMs ?? TTL_MS;
    this.#layout = layout;
    this.#replicas = options.replicas;
    this.#stream = layout.name;
    this.#prefix = `$KV.${bucket}.`;
    this.#feed = new PullFeed(api, this.#stream, {
      // Anew after every break: who holds what is in the newest value of each key, and what is not refreshed runs out.
      start: () => ({ deliver_policy: 'last_per_subject', filter_subject: `${this.#prefix}>` }),
      hasRoom: () => true,
      received: (message) => this.#receive(message),
      started: () => {},
      idle: () => {},
      failed: (error) => {
        if (error instanceof JetStreamRefusal && error.errCode === RefusalCode.streamNotFound) this.#makeAnew();
      },
    });
  }

  /**
   * Creates the bucket if it is not there. The connection stays the caller's to close.
   *
   * @throws StorageCorruptError it is there with another TTL or configuration. @throws StorageFailedError
   */
  static async open(connection: NatsConnection, options: KvLeasesOptions): Promise<KvLeases> {
    const ttlMs = options.ttlMs ?? TTL_MS;
    if (!(ttlMs > 0)) throw new RangeError(`ttlMs must be > 0, got ${ttlMs}`);
    const api = new JetStreamApi(connection);
    const bucket = `${options.namespace}-leases`;
    const layout = {
      name: `KV_${bucket}`,
      subjects: [`$KV.${bucket}.>`],
      max_age: ttlMs * NANOSECONDS_A_MS,
      max_msgs_per_subject: 1,
      deny_delete: true,
      allow_rollup_hdrs: true,
      duplicate_window: ttlMs * NANOSECONDS_A_MS,
    };
    await ensureStream(api, layout, options.replicas);
    return new KvLeases(api, bucket, layout, options);
  }

  async acquire(id: LeaseId, holder: string): Promise<Lease | undefined> {
    const key = keyOf(id);
    const token = this.#unresolved.get(key) ?? randomUUID();
    const heard = this.#heard.get(key);
    // Given back: the next revision follows that one. Else there should be none.
    let expected = heard !== undefined && heard.holder === undefined ? heard.revision : 0;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const revision = await this.#write(key, { holder, token }, expected).catch((error: unknown) => {
        this.#unresolved.set(key, token);
        throw error;
      });
      if (revision !== undefined) {
        this.#unresolved.delete(key);
        this.#held.set(key, { epoch: revision, holder, token, revision });
        return { id, holder, epoch: revision };
      }
      const entry = await this.#read(key);
      if (entry === undefined) expected = 0;
      else if (entry.holder === undefined || this.#isUnresolved(key, entry)) expected = entry.revision;
      else break;
    }
    this.#unresolved.delete(key);
    return undefined;
  }

  async renew(lease: Lease): Promise<boolean> {
    const key = keyOf(lease.id);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const held = this.#held.get(key);
      if (held?.epoch !== lease.epoch) return false;
      const { holder, token } = held;
      const revision = await this.#write(key, { holder, token }, held.revision);
      if (revision !== undefined) {
        held.revision = Math.max(held.revision, revision);
        return true;
      }
      if (!(await this.#catchUp(key, held))) break;
    }
    if (this.#held.get(key)?.epoch === lease.epoch) this.#held.delete(key);
    return false;
  }

  /** Where NATS cannot be reached it runs out by itself, unless this process takes it again before. */
  async release(lease: Lease): Promise<void> {
    const key = keyOf(lease.id);
    const held = this.#held.get(key);
    if (held?.epoch !== lease.epoch) return;
    this.#held.delete(key);
    try {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        if ((await this.#write(key, undefined, held.revision)) !== undefined) return;
        if (!(await this.#catchUp(key, held))) return;
      }
    } catch (error) {
      if (!(error instanceof StorageFailedError)) throw error;
      // Else every partition would stand still for a whole TTL after NATS was away for a moment.
      this.#unresolved.set(key, held.token);
    }
  }

  async holder(id: LeaseId): Promise<string | undefined> {
    return (await this.#read(keyOf(id)))?.holder;
  }

  holders(stage: LeasedWork): ReadonlyMap<number, string> {
    const holders = new Map<number, string>();
    const nowMs = performance.now();
    for (const [key, { holder, untilMs }] of this.#heard) {
      const [ofStage, partition] = key.split('.');
      if (ofStage === stage && holder !== undefined && untilMs > nowMs) holders.set(Number(partition), holder);
    }
    return holders;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#expiry);
    this.#feed.close();
    this.#listeners.clear();
    this.#held.clear();
    this.#heard.clear();
    return Promise.resolve();
  }

  /**
   * Writes or, without a value, gives back.
   *
   * @returns the new revision, or undefined when `expected` is not the revision that the server has (0: none).
   */
  async #write(
    key: string,
    value: { readonly holder: string; readonly token: string } | undefined,
    expected: number,
  ): Promise<number | undefined> {
    if (this.#isClosed) throw new StorageFailedError('the leases are closed');
    try {
      const { sequence } = await this.#api.publish(
        `${this.#prefix}${key}`,
        value === undefined ? '' : JSON.stringify(value),
        {
          timeoutMs: REQUEST_MS,
          headers: {
            [PublishHeader.expectedLastOfSubject]: String(expected),
            ...(value === undefined ? { [OPERATION]: 'DEL' } : {}),
          },
        },
      );
      this.#hear(key, sequence, value?.holder);
      return sequence;
    } catch (error) {
      if (error instanceof JetStreamRefusal && error.errCode === RefusalCode.wrongLastSequence) return undefined;
      throw error;
    }
  }

  async #read(key: string): Promise<Entry | undefined> {
    const message = await this.#api.message(this.#stream, { lastOf: `${this.#prefix}${key}` });
    if (message === undefined) return undefined;
    const { sequence: revision } = message;
    if (message.headers.has(OPERATION)) return { revision, holder: undefined, token: '' };
    return { revision, ...parseValue(message.payload) };
  }

  /** After a refusal: whether the newest value is one that we wrote and were not told of. Then its revision is ours. */
  async #catchUp(key: string, held: Held): Promise<boolean> {
    const entry = await this.#read(key);
    if (entry?.holder === undefined || entry.token !== held.token) return false;
    held.revision = entry.revision;
    return true;
  }

  /**
   * The table is gone. Nothing in it needs to come back: who holds a lease finds at the next renewal that it does not, and epochs
   * that begin anew are put right by whoever takes a partition over, from its log.
   */
  #makeAnew(): void {
    ensureStream(this.#api, this.#layout, this.#replicas).catch(() => {
      // The feed looks again, and then this does.
    });
  }

  #isUnresolved(key: string, entry: Entry): boolean {
    return this.#unresolved.get(key) === entry.token;
  }

  #receive({ subject, sequence, payload, headers }: FeedMessage): void {
    const isGivenBack = headers?.has(OPERATION) === true;
    this.#hear(subject.slice(this.#prefix.length), sequence, isGivenBack ? undefined : parseValue(payload).holder);
  }

  #hear(key: string, revision: number, holder: string | undefined): void {
    const before = this.#heard.get(key);
    if (this.#isClosed || (before !== undefined && before.revision >= revision)) return;
    this.#heard.set(key, { revision, holder, untilMs: performance.now() + this.ttlMs });
    this.#expireLater();
    if (before?.holder !== holder) this.#changed();
  }

  /** One timer for all: it looks when the first of them may run out. */
  #expireLater(): void {
    if (this.#expiry !== undefined || this.#heard.size === 0) return;
    let firstMs = Infinity;
    for (const { untilMs } of this.#heard.values()) firstMs = Math.min(firstMs, untilMs);
    this.#expiry = setTimeout(
      () => {
        this.#expiry = undefined;
        const nowMs = performance.now();
        let isChange = false;
        for (const [key, { holder, untilMs }] of this.#heard) {
          if (untilMs > nowMs) continue;
          this.#heard.delete(key);
          isChange ||= holder !== undefined;
        }
        this.#expireLater();
        if (isChange) this.#changed();
      },
      Math.max(1, Math.ceil(firstMs - performance.now())),
    );
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function keyOf({ stage, partition }: LeaseId): string {
  return `${stage}.${partition}`;
}

/** A value that is not ours to read counts as held by nobody that we know. */
function parseValue(payload: Uint8Array): { readonly holder: string; readonly token: string } {
  try {
    const value = JSON.parse(new TextDecoder().decode(payload)) as { holder?: unknown; token?: unknown };
    if (typeof value.holder === 'string' && typeof value.token === 'string') {
      return { holder: value.holder, token: value.token };
    }
  } catch {
    // Told below.
  }
  return { holder: 'unknown', token: '' };
}
