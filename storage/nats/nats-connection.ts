/**
 * One connection to NATS for all data. It adds to the client what the ports promise:
 *
 * - nothing is published while the line is down. The client would keep it, and throw it away or send it later, long after the
 *   caller was told that it failed;
 * - a request ends with the connection that carried it, not with its timeout;
 * - what is on its way is bounded in bytes.
 */
import {
  connect,
  createInbox,
  headers as createHeaders,
  PermissionViolationError,
  AuthorizationError,
  type Msg,
  type NatsConnection as Client,
  type ServerInfo,
  type Subscription,
} from 'nats';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageFailedError } from '../../models/errors.js';
import { natsConnectOptions, type NatsSettings } from './nats-options.js';
import { PullBudget } from './pull-budget.js';

export interface NatsConnectionOptions {
  /** What the server calls this connection in its monitoring. Default `redshank`. */
  readonly name?: string;
  /** Begins the subjects on which answers arrive, for permissions a user. Default `_INBOX`. */
  readonly inboxPrefix?: string;
  /** Longest time for the first connection, in ms. Default 10,000. */
  readonly connectWithinMs?: number;
  /** Ends the wait for the first connection, with an `AbortError`. */
  readonly signal?: AbortSignal;
  /** Told of lost and found connections and refused permissions; never of a secret. Default: nobody. */
  readonly report?: (level: 'info' | 'warn', message: string) => void;
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Default 4,000. */
  readonly timeoutMs?: number;
}

interface Pending {
  readonly subject: string;
  readonly bytes: number;
  readonly resolve: (answer: Msg) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

const REQUEST_MS = 4_000;
const CONNECT_WITHIN_MS = 10_000;
const CONNECT_AGAIN_MS = 250;
/** Servers that start together need some seconds; who waits longer should know for what. */
const WAIT_IN_SILENCE_MS = 3_000;
/** A short break is waited out; whoever asks during a longer one is told at once. */
const SHORT_BREAK_MS = 1_000;
const MOST_PENDING_BYTES = 64 * 2 ** 20;

export class NatsConnection {
  /** What all feeds over this connection may ask for together. */
  readonly pulls = new PullBudget();
  readonly #client: Client;
  readonly #inboxPrefix: string;
  readonly #report: (level: 'info' | 'warn', message: string) => void;
  readonly #inbox: string;
  readonly #pending = new Map<string, Pending>();
  readonly #reconnected = new Set<() => void>();
  readonly #waiting = new Set<() => void>();
  #pendingBytes = 0;
  #requests = 0;
  #inboxes = 0;
  /** By the monotonic clock; undefined while connected. */
  #lostMs: number | undefined;
  /** Since it was lost. */
  #isRefused = false;
  #isClosed = false;

  private constructor(client: Client, options: NatsConnectionOptions) {
    this.#client = client;
    this.#inboxPrefix = options.inboxPrefix ?? '_INBOX';
    this.#report = options.report ?? (() => {});
    this.#inbox = createInbox(this.#inboxPrefix);
    client.subscribe(`${this.#inbox}.r.*`, { callback: (error, answer) => this.#answered(error, answer) });
    void this.#watch();
  }

  /**
   * @throws StorageFailedError no server could be reached in time, or none let this user in: says what to check.
   * @throws SettingInvalidError as `natsConnectOptions`.
   */
  static async connect(settings: NatsSettings, options: NatsConnectionOptions = {}): Promise<NatsConnection> {
    const withinMs = options.connectWithinMs ?? CONNECT_WITHIN_MS;
    const deadlineMs = performance.now() + withinMs;
    let speakAtMs = performance.now() + WAIT_IN_SILENCE_MS;
    const wanted = natsConnectOptions(settings, options.name ?? 'redshank');
    const inbox = options.inboxPrefix === undefined ? {} : { inboxPrefix: options.inboxPrefix };
    for (;;) {
      const leftMs = Math.max(1, deadlineMs - performance.now());
      try {
        const timeout = Math.min(wanted.timeout ?? leftMs, leftMs);
        return new NatsConnection(await connect({ ...wanted, ...inbox, timeout }), options);
      } catch (error) {
        const servers = [wanted.servers].flat().join(', ');
        if (error instanceof AuthorizationError) {
          throw new StorageFailedError(
            `NATS at ${servers} does not let this user in: check the user of NATS_URL, NATS_CREDS or NATS_NKEY_SEED (${error.message})`,
            { cause: error },
          );
        }
        if (performance.now() + CONNECT_AGAIN_MS >= deadlineMs) {
          throw new StorageFailedError(
            `NATS at ${servers} could not be reached within ${withinMs} ms (${(error as Error).message}): ` +
              'check that it runs, that NATS_URL names it, and that both sides agree on TLS',
            { cause: error },
          );
        }
        if (performance.now() >= speakAtMs) {
          options.report?.('warn', `NATS at ${servers} cannot be reached (${(error as Error).message}): still trying`);
          speakAtMs = Infinity;
        }
        await sleep(CONNECT_AGAIN_MS, undefined, { signal: options.signal });
      }
    }
  }

  /** What the server said of itself when this connection, or the latest one after it, began. */
  get server(): ServerInfo {
    const { info } = this.#client;
    if (info === undefined) throw new StorageFailedError('the connection to NATS is lost');
    return info;
  }

  get isConnected(): boolean {
    return !this.#isClosed && this.#lostMs === undefined;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Most bytes of a message with its headers. */
  get maxPayloadBytes(): number {
    return this.#client.info?.max_payload ?? 2 ** 20;
  }

  /**
   * Sends at once when connected, so that requests travel in the order of the calls. `payload` is not copied, but is free again
   * when the current turn of the event loop is over.
   *
   * @returns the answer, whatever it says.
   * @throws StorageFailedError the line is down, breaks or is full, nobody answers in time, or the user may not ask this. Except
   *   for a line that was down, it may have been carried out.
   */
  request(subject: string, payload: Uint8Array | string, options: RequestOptions = {}): Promise<Msg> {
    if (!this.isConnected) return this.ready().then(() => this.request(subject, payload, options));
    return new Promise((resolve, reject) => {
      const headers = createHeaders();
      // Names of a few letters and values: what they take is counted generously.
      let bytes = payload.length + 64;
      for (const [name, value] of Object.entries(options.headers ?? {})) {
        headers.append(name, value);
        bytes += name.length + value.length + 4;
      }
      if (bytes > this.maxPayloadBytes) {
        throw new StorageFailedError(
          `a message for NATS must have at most ${this.maxPayloadBytes} bytes, got ${bytes}: raise max_payload on the server`,
          { data: { bytes, limitBytes: this.maxPayloadBytes } },
        );
      }
      if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > MOST_PENDING_BYTES) {
        throw new StorageFailedError(
          `at most ${MOST_PENDING_BYTES} bytes may wait for NATS, and ${this.#pendingBytes} do: it is too slow`,
        );
      }
      const token = (++this.#requests).toString(36);
      const timeoutMs = options.timeoutMs ?? REQUEST_MS;
      const timer = setTimeout(() => {
        this.#take(token)?.reject(new StorageFailedError(`NATS did not answer ${subject} within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#pending.set(token, { subject, bytes, resolve, reject, timer });
      this.#pendingBytes += bytes;
      try {
        this.#client.publish(subject, payload, {
          reply: `${this.#inbox}.r.${token}`,
          ...(options.headers === undefined ? {} : { headers }),
        });
      } catch (error) {
        this.#take(token);
        throw new StorageFailedError(`NATS could not be asked for ${subject}: ${(error as Error).message}`, {
          cause: error,
        });
      }
    });
  }

  /** Sends a message whose answers, if any, arrive at `reply`. Does nothing while the line is down. */
  publish(subject: string, payload: string | Uint8Array, reply?: string): void {
    if (this.isConnected) this.#client.publish(subject, payload, reply === undefined ? {} : { reply });
  }

  /** Lasts over reconnects, until it is unsubscribed. */
  subscribe(subject: string, received: (message: Msg) => void): Subscription {
    return this.#client.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) received(message);
        else this.#report('warn', `NATS refuses the subscription to ${subject}: ${error.message}`);
      },
    });
  }

  /** A subject that nobody else uses; below it everything is free for answers. */
  createInbox(): string {
    return `${this.#inbox}.i.${(++this.#inboxes).toString(36)}`;
  }

  /**
   * Resolves when the line stands.
   *
   * @throws StorageFailedError it has been down for more than a second.
   */
  async ready(): Promise<void> {
    this.#assertOpen();
    if (this.#lostMs === undefined) return;
    const leftMs = SHORT_BREAK_MS - (performance.now() - this.#lostMs);
    if (leftMs > 0) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, leftMs);
        this.#waiting.add(done);
      });
    }
    this.#assertOpen();
    this.#assertConnected();
  }

  /** Calls back after every new connection; what stood on the server for the old one may be gone. Returns how to end that. */
  onReconnect(listener: () => void): () => void {
    this.#reconnected.add(listener);
    return () => this.#reconnected.delete(listener);
  }

  /** Sends what was handed over and closes. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    const wasConnected = this.isConnected;
    this.#isClosed = true;
    this.#end(new StorageFailedError('the connection to NATS is closed'));
    this.#reconnected.clear();
    // With a limit: a server that is paused answers no flush.
    if (wasConnected) await Promise.race([this.#client.flush().catch(() => {}), sleep(500)]);
    await this.#client.close();
  }

  #answered(error: Error | null, answer: Msg): void {
    if (error !== null) {
      this.#report('warn', `NATS refuses the inbox of this process: ${error.message}`);
      this.#end(new StorageFailedError(`NATS refuses the inbox of this process: ${error.message}`, { cause: error }));
      return;
    }
    const pending = this.#take(answer.subject.slice(this.#inbox.length + 3));
    if (pending === undefined) return;
    if (answer.data.length === 0 && answer.headers?.code === 503) {
      pending.reject(
        new StorageFailedError(
          `nobody answers ${pending.subject} at NATS: check that JetStream is on and has a leader`,
        ),
      );
    } else {
      pending.resolve(answer);
    }
  }

  async #watch(): Promise<void> {
    for await (const status of this.#client.status()) {
      if (status.type === 'disconnect') {
        if (this.#lostMs !== undefined) continue;
        this.#lostMs = performance.now();
        this.pulls.connectionLost(this.#lostMs);
        if (!this.#isClosed)
          this.#report('warn', `the connection to NATS at ${status.server} is lost, connecting again`);
        this.#end(lost());
      } else if (status.type === 'reconnect') {
        // Of one connection the client tells once for each attempt that was refused before it.
        if (this.#lostMs === undefined) continue;
        this.#lostMs = undefined;
        this.#isRefused = false;
        if (!this.#isClosed) this.#report('info', `connected to NATS at ${status.server} again`);
        for (const listener of [...this.#reconnected]) listener();
        for (const done of [...this.#waiting]) done();
      } else if (status.type === 'error' && status.error instanceof AuthorizationError) {
        if (!this.#isRefused) {
          this.#report(
            'warn',
            `NATS does not let this user in any more (${status.error.message}): has its password changed? Still trying`,
          );
        }
        this.#isRefused = true;
      } else if (status.type === 'error' && status.error instanceof PermissionViolationError) {
        this.#refused(status.error);
      }
    }
  }

  #refused(error: PermissionViolationError): void {
    const message = `this user may not ${error.operation} ${error.subject} at NATS: give it the permission`;
    this.#report('warn', message);
    for (const [token, { subject }] of this.#pending) {
      if (error.operation === 'publish' && subject === error.subject) {
        this.#take(token)?.reject(new StorageFailedError(message, { cause: error }));
      }
    }
  }

  #take(token: string): Pending | undefined {
    const pending = this.#pending.get(token);
    if (pending === undefined) return undefined;
    this.#pending.delete(token);
    this.#pendingBytes -= pending.bytes;
    clearTimeout(pending.timer);
    return pending;
  }

  #end(error: Error): void {
    for (const token of [...this.#pending.keys()]) this.#take(token)?.reject(error);
    if (this.#isClosed) for (const done of [...this.#waiting]) done();
  }

  #assertConnected(): void {
    if (this.#lostMs !== undefined) throw lost();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new StorageFailedError('the connection to NATS is closed');
  }
}

function lost(): StorageFailedError {
  return new StorageFailedError('the connection to NATS is lost');
}
