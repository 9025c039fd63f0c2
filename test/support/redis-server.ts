/** A redis-server of its own process, on a free port of loopback, in a folder of its own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Suite } from 'mocha';
import { freePort } from './free-port.js';
import { until } from './until.js';

const OUTPUT_KEPT = 20_000;
let isThere: boolean | undefined;

/** Skips the suite that calls this where there is no redis-server. */
export function needsRedis(suite: Suite): void {
  suite.beforeAll('redis-server', function () {
    isThere ??= spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0;
    if (!isThere) this.skip();
  });
}

export interface RedisServerOptions {
  /** More of the command line, for example `['--requirepass', 'secret']`. */
  readonly arguments?: readonly string[];
  /** Text of a configuration file, which Sentinel rewrites. `{port}` and `{folder}` are filled in. */
  readonly configuration?: string;
  /** How readiness is looked for. Default: a connection to `port` is taken, and PING is answered or refused. */
  readonly tlsPort?: number;
}

export class RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly #options: RedisServerOptions;
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(port: number, options: RedisServerOptions) {
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), 'redshank-redis-'));
    this.#options = options;
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(options.tlsPort ?? (await freePort()), options);
    await server.restart();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** On the same port, with what the folder holds. */
  async restart(): Promise<void> {
    await this.kill9();
    const child = spawn('redis-server', this.#commandLine(), { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-OUTPUT_KEPT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    await until(`redis-server on ${this.port}`, async () => {
      if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}:\n${this.#output}`);
      return this.#options.tlsPort === undefined ? answersPing(this.port) : takesConnections(this.port);
    });
  }

  /** As `redis-cli`, with its output. */
  cli(...args: readonly string[]): string {
    const done = spawnSync('redis-cli', ['-p', String(this.port), ...args], { encoding: 'utf8', timeout: 10_000 });
    if (done.status !== 0) throw new Error(`redis-cli ${args.join(' ')}: ${done.stdout}${done.stderr}`);
    return done.stdout;
  }

  async kill9(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends it and removes its folder. Idempotent. */
  async stop(): Promise<void> {
    await this.kill9();
    await rm(this.folder, { recursive: true, force: true });
  }

  #commandLine(): readonly string[] {
    const { configuration, arguments: more = [], tlsPort } = this.#options;
    if (configuration !== undefined) {
      const file = join(this.folder, 'redis.conf');
      writeFileSync(file, configuration.replaceAll('{port}', String(this.port)).replaceAll('{folder}', this.folder));
      return [file, ...more];
    }
    const port = tlsPort === undefined ? ['--port', String(this.port)] : ['--port', '0', '--tls-port', String(tlsPort)];
    return [...port, '--bind', '127.0.0.1', '--dir', this.folder, '--save', '', ...more];
  }
}

/** Also an error is an answer: a password may be wanted, or a dump be loading. */
function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (answers: boolean) => (): void => {
      socket.destroy();
      resolve(answers);
    };
    socket.setTimeout(1_000, done(false));
    socket.on('error', done(false));
    socket.on('connect', () => socket.write('PING\r\n'));
    socket.on('data', (data) => done(!data.toString().startsWith('-LOADING'))());
  });
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
