/**
 * A whole cluster on this machine: nats-server, redis-server and one process for each part, any of which can be killed, paused,
 * stopped, started again or cut off, by name. Whatever happens, `stop` ends all of them by their process ids.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PartitionView, StageView } from '../../models/routing/cluster-view.js';
import { roleOf, type ServiceName } from '../../models/settings.js';
import type { StageName } from '../../models/stages/stage.js';
import { compiled } from './compiled.js';
import { NatsServer } from './nats-server.js';
import { natsUsers, urlOfUser } from './nats-users.js';
import { RedisServer } from './redis-server.js';
import { TcpProxy } from './tcp-proxy.js';
import { until } from './until.js';

const PARTITIONS = 8;
/** All parts start at once. */
const START_MS = 180_000;
const OUTPUT_KEPT = 400_000;
const OUTPUT_SHOWN = 4_000;
const LOOK_EVERY_MS = 150;
/** A process that is told to stop and does not is killed after this: its own limit is 20 s. */
const STOP_TIMEOUT_MS = 40_000;
/** Below the ports that outgoing connections take, so that a part finds its own free when it comes back. */
const FIRST_PORT = 20_000;
const PORTS = 12_000;

export interface PartOptions {
  readonly name: string;
  readonly services: readonly ServiceName[];
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of node; default: `redshank start`. */
  readonly arguments?: readonly string[];
  /** True: reaches NATS through a `TcpProxy` of its own. */
  readonly isProxied?: boolean;
}

export interface ClusterOptions {
  readonly parts: readonly PartOptions[];
  /** Partitions of every topic. Default 8: tests need few. */
  readonly partitions?: number;
  /** More lines of the configuration file, which has `partitions` already. */
  readonly config?: string;
  /** For all parts. */
  readonly env?: Readonly<Record<string, string>>;
  /** More of the configuration language of nats-server. */
  readonly natsConfig?: string;
  /** Every part comes in as the user of its role, and may do at NATS what that role may. Default: all may do everything. */
  readonly hasNatsUsers?: boolean;
  /** Users for edge nodes of Sparkplug, beside them. */
  readonly edgeNodes?: readonly string[];
}

export interface ClusterView {
  readonly services: Readonly<Record<string, readonly string[]>>;
  readonly stages: readonly StageView[];
}

export class Cluster {
  readonly nats: NatsServer;
  readonly redis: RedisServer;
  readonly folder: string;
  readonly partitions: number;
  readonly #options: ClusterOptions;
  readonly #parts = new Map<string, Part>();

  private constructor(nats: NatsServer, redis: RedisServer, folder: string, options: ClusterOptions) {
    this.nats = nats;
    this.redis = redis;
    this.folder = folder;
    this.partitions = options.partitions ?? PARTITIONS;
    this.#options = options;
  }

  /** Resolves when every part is ready. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const { partitions = PARTITIONS, edgeNodes = [] } = options;
    const users = options.hasNatsUsers === true ? natsUsers({ partitions, edgeNodes }) : '';
    const nats = await NatsServer.start({ config: `${users}\n${options.natsConfig ?? ''}` });
    const redis = await RedisServer.start().catch(async (error: unknown) => {
      await nats.stop();
      throw error;
    });
    const folder = await mkdtemp(join(tmpdir(), 'redshank-cluster-'));
    const cluster = new Cluster(nats, redis, folder, options);
    try {
      const lines = [`partitions: ${cluster.partitions}`, options.config ?? ''];
      await writeFile(join(folder, 'redshank.yaml'), lines.join('\n'));
      await Promise.all(options.parts.map((part) => cluster.add(part)));
      await cluster.ready(START_MS);
      return cluster;
    } catch (error) {
      const told = cluster.report();
      await cluster.stop();
      throw new Error(`the cluster did not start\n${told}`, { cause: error });
    }
  }

  /** Starts one more part. Does not wait for it to be ready. */
  async add(options: PartOptions): Promise<Part> {
    const { nats, redis, folder } = this;
    const proxy = options.isProxied === true ? await TcpProxy.start(nats.port) : undefined;
    const part = new Part(options, proxy, {
      PATH: process.env.PATH!,
      SERVICES: options.services.join(','),
      NATS_URL: this.#urlFor(options, proxy ?? nats),
      REDIS_URL: redis.url,
      DATA_DIR: join(folder, options.name),
      CONFIG_FILE: join(folder, 'redshank.yaml'),
      PORT: String(await stablePort()),
      METRICS_PORT: String(await stablePort()),
      API_RATE_LIMIT: '1000000',
      AUTH: 'off',
      LOG_LEVEL: 'info',
      ...this.#options.env,
      ...options.env,
    });
    this.#parts.set(options.name, part);
    part.start();
    return part;
  }

  #urlFor({ services }: PartOptions, to: { readonly port: number }): string {
    return this.#options.hasNatsUsers === true ? urlOfUser(to, roleOf({ services })) : `nats://127.0.0.1:${to.port}`;
  }

  part(name: string): Part {
    const part = this.#parts.get(name);
    if (part === undefined)
      throw new Error(`there is no part ${name}, there are ${[...this.#parts.keys()].join(', ')}`);
    return part;
  }

  parts(service?: ServiceName): Part[] {
    const all = [...this.#parts.values()];
    return service === undefined ? all : all.filter(({ options }) => options.services.includes(service));
  }

  /** Stops a part as an operator does, and forgets it. */
  async remove(name: string): Promise<void> {
    const part = this.part(name);
    await part.stop();
    await part.proxy?.stop();
    this.#parts.delete(name);
  }

  /** Address of the gateway. */
  get url(): string {
    const [gateway] = this.parts('gateway');
    if (gateway === undefined) throw new Error('this cluster has no gateway');
    return gateway.url;
  }

  async view(timeoutMs = 5_000): Promise<ClusterView> {
    const answer = await fetch(`${this.url}/v1/cluster`, { signal: AbortSignal.timeout(timeoutMs) });
    if (!answer.ok) throw new Error(`/v1/cluster was answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as ClusterView;
  }

  /** Every part says that it is ready. */
  async ready(longestMs = 60_000): Promise<void> {
    await Promise.all([...this.#parts.values()].map((part) => part.ready(longestMs)));
  }

  /**
   * Every part is ready, every partition of every stage is run by somebody, and at most `mostWaiting` chunks wait in each.
   *
   * @returns what was waited for last.
   */
  async settled(longestMs = 90_000, mostWaiting = 50): Promise<string> {
    const startMs = performance.now();
    await this.ready(longestMs);
    const readyMs = Math.round(performance.now() - startMs);
    let why = 'nothing was heard';
    let last = `all to be ready, ${readyMs} ms`;
    try {
      await until(
        'the cluster to settle',
        async () => {
          const view = await this.view().catch((error: unknown) => String(error));
          if (typeof view === 'string') why = view;
          else why = view.stages.map((stage) => this.#unsettled(stage, mostWaiting)).find((one) => one !== '') ?? '';
          if (why === '') return true;
          last = why;
          await sleep(LOOK_EVERY_MS);
          return false;
        },
        longestMs - (performance.now() - startMs),
      );
    } catch (error) {
      throw new Error(`the cluster does not settle: ${why}`, { cause: error });
    }
    return last;
  }

  #unsettled({ stage, partitions, replicas }: StageView, mostWaiting: number): string {
    const expected = this.parts(stage).filter(({ isRunning }) => isRunning).length;
    if (replicas.length !== expected) return `${stage} has ${replicas.length} replicas, not ${expected}`;
    if (partitions.length !== this.partitions) return `${stage} tells of ${partitions.length} partitions`;
    const bad = partitions.find(({ owner, lag }) => owner === null || (lag ?? Infinity) > mostWaiting);
    return bad === undefined ? '' : `${stage} ${JSON.stringify(bad)}`;
  }

  /** Which partitions of a stage run in a part, as far as the others know. */
  async owned(name: string, stage: StageName): Promise<readonly PartitionView[]> {
    const pid = this.part(name).pid;
    const { stages } = await this.view();
    const partitions = stages.find((one) => one.stage === stage)!.partitions;
    return partitions.filter(({ owner }) => owner !== null && owner.includes(`-${pid}-`));
  }

  /** What everybody printed last, for the message of a failure. */
  report(): string {
    const told = [...this.#parts.values()].map(
      (part) => `--- ${part.options.name} (${part.state})\n${part.output.slice(-OUTPUT_SHOWN)}`,
    );
    return [...told, `--- nats-server\n${this.nats.output.slice(-OUTPUT_SHOWN)}`].join('\n');
  }

  /** Parts that ended although nobody had ended them. */
  surprises(): string[] {
    return [...this.#parts.values()].flatMap(({ surprises }) => surprises);
  }

  /** As operators do: the parts first, then the servers. @param isGraceful false: everything is killed. */
  async stop(isGraceful = false): Promise<void> {
    const problems: unknown[] = [];
    const note = (error: unknown): void => void problems.push(error);
    const parts = [...this.#parts.values()];
    await Promise.all(parts.map((part) => (isGraceful ? part.stop() : part.kill9()).catch(note)));
    await Promise.all(parts.flatMap(({ proxy }) => (proxy === undefined ? [] : [proxy.stop().catch(note)])));
    await Promise.all([this.nats.stop().catch(note), this.redis.stop().catch(note)]);
    await rm(this.folder, { recursive: true, force: true });
    if (problems.length > 0) throw problems[0];
  }
}

/** One process of the cluster. Keeps its ports over restarts. */
export class Part {
  readonly options: PartOptions;
  readonly proxy: TcpProxy | undefined;
  /** Of the gateway, where it has one. */
  readonly url: string;
  readonly metricsUrl: string;
  readonly surprises: string[] = [];
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #isEnding = false;
  #isPaused = false;
  #output = '';

  constructor(options: PartOptions, proxy: TcpProxy | undefined, env: Readonly<Record<string, string>>) {
    this.options = options;
    this.proxy = proxy;
    this.#env = env;
    this.url = `http://127.0.0.1:${env['PORT']}`;
    this.metricsUrl = `http://127.0.0.1:${env['METRICS_PORT']}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  get state(): string {
    if (this.isRunning) return this.#isPaused ? 'paused' : `running, pid ${this.pid}`;
    return `ended, ${this.#child?.signalCode ?? this.#child?.exitCode ?? 'never started'}`;
  }

  /** What it printed last. */
  get output(): string {
    return this.#output;
  }

  start(): void {
    if (this.isRunning) return;
    this.#isEnding = false;
    this.#isPaused = false;
    const child = spawn(process.execPath, this.options.arguments ?? compiled('cli/main.ts', 'start'), {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-OUTPUT_KEPT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('exit', (code, signal) => {
      if (this.#isEnding) return;
      this.surprises.push(
        `${this.options.name} ended by itself, ${signal ?? code}:\n${this.#output.slice(-OUTPUT_SHOWN)}`,
      );
    });
  }

  async ready(longestMs = 60_000): Promise<void> {
    let reason = 'nothing was heard';
    try {
      await until(
        `${this.options.name} to be ready`,
        async () => {
          if (!this.isRunning) throw new Error(`it is not running (${this.state})`);
          const found = await this.#whyNotReady();
          if (found === undefined) return true;
          reason = found;
          await sleep(LOOK_EVERY_MS);
          return false;
        },
        longestMs,
      );
    } catch (error) {
      throw new Error(`${this.options.name}: ${reason}\n${this.#output.slice(-OUTPUT_SHOWN)}`, { cause: error });
    }
  }

  async #whyNotReady(): Promise<string | undefined> {
    try {
      const answer = await fetch(`${this.metricsUrl}/ready`, { signal: AbortSignal.timeout(5_000) });
      const text = await answer.text();
      return answer.status === 200 ? undefined : text;
    } catch (error) {
      return String(error);
    }
  }

  async metrics(): Promise<string> {
    const answer = await fetch(`${this.metricsUrl}/metrics`, { signal: AbortSignal.timeout(5_000) });
    return answer.text();
  }

  async kill9(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** As an operator stops it. */
  async stop(): Promise<void> {
    this.resume();
    await this.#end('SIGTERM');
  }

  /** Stands still, and its connections stay. */
  pause(): void {
    this.#isPaused = true;
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#child?.kill('SIGCONT');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return;
    const child = this.#child!;
    this.#isEnding = true;
    const exited = once(child, 'exit');
    child.kill(signal);
    const giveUp = setTimeout(() => {
      this.surprises.push(`${this.options.name} did not stop within ${STOP_TIMEOUT_MS} ms`);
      child.kill('SIGKILL');
    }, STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(giveUp);
  }
}

const taken = new Set<number>();

/** A port that this process has not given away before, and that nobody listens on. */
async function stablePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (taken.has(port)) continue;
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    taken.add(port);
    return port;
  }
}
