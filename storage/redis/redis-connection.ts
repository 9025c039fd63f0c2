/**
 * One connection to Redis, a Redis Cluster, or the master that Sentinels name. It comes back by itself for as long as the
 * process lives. While Redis is away every command fails at once: nothing queues up, and nobody waits.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { SettingInvalidError, StorageFailedError } from '../../models/errors.js';

export interface RedisAddress {
  /** `redis://` or `rediss://` (TLS) with user, password and `/db`, for example `rediss://app:secret@host:6380/2`. Several divided
   * by commas: nodes to find a cluster by, or Sentinels. User, password and db of the first one hold for all. */
  readonly url: string;
  /** `cluster`: the URLs are nodes of a Redis Cluster. Default `single`. */
  readonly mode?: 'single' | 'cluster' | undefined;
  /** Set: the URLs are Sentinels, which know where the master of this name is. User and password are the master's. */
  readonly sentinelMaster?: string | undefined;
  /** PEM file of the authority that signed the server's certificate. Default: the authorities that Node trusts. */
  readonly caFile?: string | undefined;
}

export interface RedisConnectionOptions {
  /** Longest time that one command may take, in ms. Default 2,000. */
  readonly commandTimeoutMs?: number;
  /** Told of each different problem of the connection, without secrets. Default: nobody. */
  readonly onProblem?: (message: string) => void;
}

export type RedisArgument = string | number | Buffer;

/** A script whose keys all lie in one slot. */
export class RedisScript {
  readonly lua: string;
  readonly sha: string;

  constructor(lua: string) {
    this.lua = lua;
    this.sha = createHash('sha1').update(lua).digest('hex');
  }
}

const DEFAULT_COMMAND_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;
/** A start does not wait longer for a Redis that is away. */
const OPEN_WAIT_MS = 3_000;

export class RedisConnection {
  readonly #client: Redis | Cluster;
  readonly #commandTimeoutMs: number;
  readonly #onProblem: (message: string) => void;
  #lastProblem = '';
  #isClosed = false;

  private constructor(client: Redis | Cluster, options: RedisConnectionOptions) {
    this.#client = client;
    this.#commandTimeoutMs = options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS;
    this.#onProblem = options.onProblem ?? (() => undefined);
    client.on('error', (error: Error) => this.#tell(error.message));
    client.on('ready', () => {
      this.#lastProblem = '';
      this.#evictionProblem().then(
        (problem) => problem !== undefined && this.#tell(problem),
        () => undefined,
      );
    });
  }

  /**
   * Connects, and waits for that at most 3 s: a Redis that is away is no reason not to start.
   *
   * @throws SettingInvalidError the address cannot be used, or this Redis may throw away what it was told to keep.
   */
  static async open(address: RedisAddress, options: RedisConnectionOptions = {}): Promise<RedisConnection> {
    const connection = new RedisConnection(createClient(address, options), options);
    if (!(await connection.#becomesReady(OPEN_WAIT_MS))) return connection;
    const problem = await connection.#evictionProblem().catch(() => undefined);
    if (problem === undefined) return connection;
    connection.close();
    throw new SettingInvalidError([problem]);
  }

  /** For libraries that bring commands of their own. */
  get client(): Redis | Cluster {
    return this.#client;
  }

  /** Whether commands are taken just now. */
  get isReady(): boolean {
    return this.#client.status === 'ready';
  }

  /**
   * Strings in the answer are Buffers.
   *
   * @throws StorageFailedError Redis is away, too slow, or refuses. The command may have been done all the same.
   */
  async command(name: string, ...args: readonly RedisArgument[]): Promise<unknown> {
    return this.#bounded(() => this.#client.callBuffer(name, ...args));
  }

  /** @throws StorageFailedError as `command`. */
  async run(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<unknown> {
    return this.#bounded(async () => {
      try {
        return await this.#client.callBuffer('evalsha', script.sha, keys.length, ...keys, ...args);
      } catch (error) {
        // After a restart or failover: Redis forgets scripts.
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return this.#client.callBuffer('eval', script.lua, keys.length, ...keys, ...args);
      }
    });
  }

  /** Commands in flight fail. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#client.disconnect();
  }

  async #bounded(send: () => Promise<unknown>): Promise<unknown> {
    if (this.#isClosed) throw new StorageFailedError('the connection to Redis is closed');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no answer within ${this.#commandTimeoutMs} ms`)),
        this.#commandTimeoutMs,
      );
    });
    try {
      return await Promise.race([send(), late]);
    } catch (error) {
      throw new StorageFailedError(`Redis: ${reasonOf(error, this.#client.status)}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  async #becomesReady(longestMs: number): Promise<boolean> {
    if (this.isReady) return true;
    return new Promise((resolve) => {
      const done = (isReady: boolean) => (): void => {
        clearTimeout(timer);
        this.#client.off('ready', ready);
        resolve(isReady);
      };
      const ready = done(true);
      const timer = setTimeout(done(false), longestMs);
      this.#client.on('ready', ready);
    });
  }

  /**
   * What is evicted must be noticed. Rows of devices have a TTL, and are read from the log where Redis has them no more; positions,
   * summaries and indexes have none, and would go one without the other.
   */
  async #evictionProblem(): Promise<string | undefined> {
    const policies = await this.#infoOfMasters(/^maxmemory_policy:(\S+)/m);
    const bad = policies.find((policy) => policy.startsWith('allkeys-'));
    return bad === undefined
      ? undefined
      : `REDIS_URL: maxmemory-policy of this Redis must be noeviction or one of volatile-*, got ${bad}: it may throw away ` +
          'part of what belongs together';
  }

  async #infoOfMasters(pattern: RegExp): Promise<readonly string[]> {
    const nodes = this.#client instanceof Cluster ? this.#client.nodes('master') : [this.#client];
    const texts = (await this.#bounded(() => Promise.all(nodes.map((node) => node.info('memory'))))) as string[];
    return texts.flatMap((text) => pattern.exec(text)?.[1] ?? []);
  }

  #tell(message: string): void {
    if (message === this.#lastProblem) return;
    this.#lastProblem = message;
    this.#onProblem(message);
  }
}

/** The library's words for a closed connection speak of its options. */
function reasonOf(error: unknown, status: string): string {
  const message = error instanceof Error ? error.message : String(error);
  const isAway = /enableOfflineQueue|max retries|Connection is closed|Failed to refresh slots|isn't ready/i.test(
    message,
  );
  return isAway ? `not connected (${status})` : message;
}

function createClient(address: RedisAddress, { commandTimeoutMs }: RedisConnectionOptions): Redis | Cluster {
  const urls = parseUrls(address.url);
  const first = urls[0]!;
  const database = databaseOf(first);
  const tls = first.protocol === 'rediss:' ? { tls: tlsOptions(address.caFile) } : {};
  const timeoutMs = commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS;
  const common: RedisOptions = {
    ...(first.username === '' ? {} : { username: decodeURIComponent(first.username) }),
    ...(first.password === '' ? {} : { password: decodeURIComponent(first.password) }),
    ...tls,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: timeoutMs,
    // A server that is stopped keeps its connection: close it, so that commands fail at once instead of piling up in the socket.
    socketTimeout: timeoutMs,
    keepAlive: 10_000,
    // What was in flight when the connection broke is not sent again behind the back of who asked.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // Loading a dump may take minutes: look again and again, and never as if it were empty.
    maxLoadingRetryTime: LONGEST_RETRY_MS,
  };
  const nodes = urls.map((url) => ({ host: hostOf(url), port: portOf(url) }));
  if (address.mode === 'cluster') {
    if (database !== 0)
      throw new SettingInvalidError([`REDIS_URL: a Redis Cluster has database 0 alone, got ${database}`]);
    return new Cluster(nodes, {
      enableOfflineQueue: false,
      clusterRetryStrategy: retryMs,
      slotsRefreshTimeout: timeoutMs,
      // A slot that has no owner just now is found out by the next try of who asked.
      maxRedirections: 4,
      redisOptions: common,
    });
  }
  const single: RedisOptions = { ...common, db: database, enableOfflineQueue: false, retryStrategy: retryMs };
  if (address.sentinelMaster !== undefined) {
    const isTls = first.protocol === 'rediss:';
    return new Redis({
      ...single,
      sentinels: nodes.map(({ host, port }) => ({ host, port })),
      name: address.sentinelMaster,
      sentinelRetryStrategy: retryMs,
      failoverDetector: true,
      ...(isTls ? { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions(address.caFile) } : {}),
    });
  }
  if (nodes.length > 1) {
    throw new SettingInvalidError([
      'REDIS_URL: several URLs need redis_mode cluster, or redis_sentinel_master when they are Sentinels',
    ]);
  }
  return new Redis({ ...single, ...nodes[0]! });
}

function parseUrls(text: string): readonly URL[] {
  return text.split(',').map((part) => {
    const url = URL.canParse(part.trim()) ? new URL(part.trim()) : undefined;
    if (url === undefined || !['redis:', 'rediss:'].includes(url.protocol)) {
      // Without the value: it may hold a password.
      throw new SettingInvalidError(['REDIS_URL must be URLs that start with redis:// or rediss://']);
    }
    return url;
  });
}

function databaseOf(url: URL): number {
  const text = url.pathname.replace(/^\//, '');
  if (text === '') return 0;
  if (!/^\d{1,5}$/.test(text)) {
    throw new SettingInvalidError([
      `REDIS_URL: the path must be the number of a database, got ${JSON.stringify(text)}`,
    ]);
  }
  return Number(text);
}

const hostOf = (url: URL): string => (url.hostname === '' ? '127.0.0.1' : url.hostname.replace(/^\[(.*)\]$/, '$1'));
const portOf = (url: URL): number => (url.port === '' ? 6379 : Number(url.port));
const retryMs = (times: number): number => Math.min(FIRST_RETRY_MS * 2 ** Math.min(times - 1, 10), LONGEST_RETRY_MS);

function tlsOptions(caFile: string | undefined): { readonly ca?: Buffer } {
  if (caFile === undefined) return {};
  try {
    return { ca: readFileSync(caFile) };
  } catch (error) {
    throw new SettingInvalidError([`REDIS_TLS_CA: cannot read ${caFile} (${(error as Error).message})`]);
  }
}
