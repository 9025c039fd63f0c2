/** The users of `k8s/nats/permissions.ts` at a server of a test, with passwords that need not be secret. */
import { setImmediate } from 'node:timers/promises';
import { connect, PermissionViolationError, type NatsConnection } from 'nats';
import { natsPermissions, type PermissionOptions } from '../../k8s/nats/permissions.js';
import { inboxPrefixOf } from '../../models/settings.js';
import type { NatsServer } from './nats-server.js';

const ANSWER_MS = 10_000;

export const passwordOf = (user: string): string => `password-of-${user}`;

/** For `NatsServerOptions.config`. */
export function natsUsers(options: PermissionOptions = {}): string {
  return natsPermissions({ ...options, password: passwordOf });
}

/** `NATS_URL` of a user. */
export function urlOfUser(server: Pick<NatsServer, 'port'>, user: string): string {
  return `nats://${user}:${passwordOf(user)}@127.0.0.1:${server.port}`;
}

/** A connection that says what its user may do. */
export class NatsUser {
  readonly connection: NatsConnection;
  #refused: PermissionViolationError[] = [];

  private constructor(connection: NatsConnection) {
    this.connection = connection;
    void this.#listen();
  }

  static async connect(server: Pick<NatsServer, 'port'>, user: string): Promise<NatsUser> {
    const servers = `127.0.0.1:${server.port}`;
    const inboxPrefix = inboxPrefixOf(user);
    return new NatsUser(await connect({ servers, user, pass: passwordOf(user), inboxPrefix, reconnect: false }));
  }

  /** Sends it, and tells whether the server took it. */
  async maySay(subject: string, payload: string | Uint8Array = '', reply?: string): Promise<boolean> {
    this.#refused = [];
    this.connection.publish(subject, payload, reply === undefined ? {} : { reply });
    await this.#told();
    return !this.#refused.some((error) => error.operation === 'publish' && error.subject === subject);
  }

  async mayHear(subject: string): Promise<boolean> {
    this.#refused = [];
    const subscription = this.connection.subscribe(subject, { callback: () => undefined });
    await this.#told();
    const isRefused = this.#refused.some((error) => error.operation === 'subscription' && error.subject === subject);
    if (!isRefused) subscription.unsubscribe();
    return !isRefused;
  }

  /** The server's answer; undefined: this may not be asked. */
  async ask(subject: string, body: object | string = ''): Promise<Readonly<Record<string, unknown>> | undefined> {
    try {
      const payload = typeof body === 'string' ? body : JSON.stringify(body);
      const answer = await this.connection.request(subject, payload, { timeout: ANSWER_MS });
      return answer.json<Readonly<Record<string, unknown>>>();
    } catch (error) {
      if ((error as Error).cause instanceof PermissionViolationError) return undefined;
      throw error;
    }
  }

  /** The server refuses before it answers what was sent later. */
  async #told(): Promise<void> {
    await this.connection.flush();
    await setImmediate();
  }

  async #listen(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'error' && status.error instanceof PermissionViolationError) this.#refused.push(status.error);
    }
  }
}
