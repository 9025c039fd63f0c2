/**
 * A cluster on one machine: a NATS and a Redis of its own, and a process for each part. It starts them, tells whoever ends, and
 * stops them. It starts nothing again: what happens then is what people want to see.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { adminKeyIn } from '../../services/security/admin-key-line.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { Child } from './child.js';
import type { ClusterPart } from './cluster-parts.js';
import { startDataServers, type DataServers } from './data-servers.js';
import { OrphanGuard } from './orphan-guard.js';

export interface LocalClusterOptions {
  readonly folder: string;
  /** The folder goes with the cluster. */
  readonly isTemporary: boolean;
  readonly parts: readonly ClusterPart[];
  /** Port of the gateway, on the loopback interface; 0 takes a free one. */
  readonly port: number;
  /** Where NATS takes MQTT clients; undefined: nowhere. */
  readonly mqttPort: number | undefined;
  /** Of each part; what tells one from another is added. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told of each line that a part prints. */
  readonly onLine: (name: string, line: string) => void;
  /** Told of each process that ends although nobody stopped it. */
  readonly onDeath: (child: Child) => void;
}

/** A part commits, takes snapshots and hands over; its own limit is 20 s. */
const PART_STOPS_WITHIN_MS = 12_000;
const SERVER_STOPS_WITHIN_MS = 3_000;
/** The doors close first, and what they took is worked off. */
const DOORS = new Set(['gateway', 'ingest']);
/** Lines kept of the servers, which say a lot; shown only when one dies. */
const LINES_KEPT = 10;

export class LocalCluster {
  readonly #options: LocalClusterOptions;
  readonly #guard: OrphanGuard;
  readonly #children = new Map<string, Child>();
  readonly #serverLines = new Map<string, string[]>();
  #servers: DataServers | undefined;
  #url: string | undefined;
  #adminKey: string | undefined;
  #started = 0;
  #isStopping = false;

  constructor(options: LocalClusterOptions) {
    this.#options = options;
    this.#guard = new OrphanGuard(options.isTemporary ? options.folder : undefined);
  }

  /** Of the gateway; undefined before it listens. */
  get url(): string | undefined {
    return this.#url;
  }

  /** That the gateway has made; undefined where there was a key already, or none is needed. */
  get adminKey(): string | undefined {
    return this.#adminKey;
  }

  get servers(): DataServers | undefined {
    return this.#servers;
  }

  get children(): readonly Child[] {
    return [...this.#children.values()];
  }

  /** Parts that have said that they run. */
  get started(): number {
    return this.#started;
  }

  /** Whether any part still runs. */
  get isAlive(): boolean {
    return this.#options.parts.some(({ name }) => this.#children.get(name)?.isRunning);
  }

  /** What the server `name` said last. */
  linesOf(name: string): readonly string[] {
    return this.#serverLines.get(name) ?? [];
  }

  /** Starts the servers, then all parts. Resolves when the last one has been started, not when it is ready. */
  async start(): Promise<void> {
    const { folder, parts, env, mqttPort } = this.#options;
    await mkdir(folder, { recursive: true });
    const how = {
      env: { PATH: env['PATH'], HOME: env['HOME'] },
      onLine: (line: string, child: Child) => this.#keepServerLine(child, line),
      onEnd: (child: Child) => this.#ended(child),
    };
    const servers = await startDataServers(folder, how, mqttPort);
    this.#servers = servers;
    for (const child of [servers.nats, servers.redis]) this.#watch(child);
    for (const part of parts) {
      if (this.#isStopping) return;
      this.#watch(this.#startPart(part, servers));
    }
  }

  /** The environment and command with which one more process of a service joins, for people to copy. */
  joinCommand(service: string): string {
    const { natsUrl = '', redisUrl = '' } = this.#servers ?? {};
    return `NATS_URL=${natsUrl} REDIS_URL=${redisUrl} SERVICES=${service} METRICS_PORT=0 npx redshank start`;
  }

  /** Stops all, in the direction of the flow; kills what does not. Within 30 s. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const parts = this.#options.parts.flatMap((part) => {
      const child = this.#children.get(part.name);
      return child === undefined ? [] : [{ part, child }];
    });
    const doors = parts.filter(({ part }) => DOORS.has(part.service));
    const others = parts.filter(({ part }) => !DOORS.has(part.service));
    for (const group of [doors, others]) await Promise.all(group.map(({ child }) => child.stop(PART_STOPS_WITHIN_MS)));
    const { nats, redis } = this.#servers ?? {};
    await Promise.all([nats?.stop(SERVER_STOPS_WITHIN_MS), redis?.stop(SERVER_STOPS_WITHIN_MS)]);
    if (this.#options.isTemporary) await rm(this.#options.folder, { recursive: true, force: true });
    this.#guard.close();
  }

  #startPart(part: ClusterPart, { natsUrl, redisUrl }: DataServers): Child {
    const { folder, port, env } = this.#options;
    return new Child({
      name: part.name,
      command: process.execPath,
      args: [programPath(), 'start', '--json'],
      env: {
        ...env,
        NATS_URL: natsUrl,
        REDIS_URL: redisUrl,
        SERVICES: part.service,
        PORT: part.service === 'gateway' ? String(port) : '0',
        DATA_DIR: join(folder, part.name),
      },
      onLine: (line) => this.#partSaid(part, line),
      onEnd: (child) => this.#ended(child),
    });
  }

  #watch(child: Child): void {
    this.#children.set(child.name, child);
    if (child.isRunning) this.#guard.watch(child.pid);
  }

  #partSaid(part: ClusterPart, line: string): void {
    this.#adminKey ??= adminKeyIn(line);
    const started = startedUrl(line);
    if (started === undefined) {
      for (const text of (errorIn(line) ?? line).split('\n')) this.#options.onLine(part.name, text);
      return;
    }
    this.#started++;
    if (part.service === 'gateway') this.#url = started.url;
  }

  #keepServerLine({ name }: Child, line: string): void {
    const lines = this.#serverLines.get(name) ?? [];
    lines.push(line);
    this.#serverLines.set(name, lines.slice(-LINES_KEPT));
  }

  #ended(child: Child): void {
    if (child.pid !== -1) this.#guard.forget(child.pid);
    if (!child.isStopping && !this.#isStopping) this.#options.onDeath(child);
  }
}

/** What `redshank start --json` prints once it runs. */
function startedUrl(line: string): { readonly url?: string } | undefined {
  return line.startsWith('{"started":') ? (JSON.parse(line) as { started: { url?: string } }).started : undefined;
}

/** The message of a failure that was told as JSON. */
function errorIn(line: string): string | undefined {
  if (!line.startsWith('{"error":')) return undefined;
  return (JSON.parse(line) as { error: { message: string } }).error.message;
}

/** `bin/redshank.js`: two folders up from here in a checkout, three from `dist/`. */
function programPath(): string {
  const found = ['../../bin/redshank.js', '../../../bin/redshank.js']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(path));
  if (found === undefined) throw new CommandFailure(ExitCode.failed, 'bin/redshank.js is missing: install again');
  return found;
}
