/** A NATS server of its own, on a free port of the loopback interface, with JetStream in a temporary folder; to be killed. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { until } from './until.js';

const PROGRAM = process.env['NATS_SERVER'] ?? 'nats-server';
const OUTPUT_KEPT = 20_000;

export interface NatsServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** More of the server's configuration language, for example users. */
  readonly config?: string;
  /** Default: JetStream with files in a folder of its own. */
  readonly jetStream?: boolean;
  /** More of its environment, for example passwords. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Skips the suite that calls this in `before`, with one message, where there is no nats-server. */
export function needsNatsServer(context: Mocha.Context): void {
  if (spawnSync(PROGRAM, ['--version']).error === undefined) return;
  console.log(`Skipped: there is no ${PROGRAM}. Install Debian's nats-server, or set NATS_SERVER to the program.`);
  context.skip();
}

export class NatsServer {
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess;
  #output = '';

  private constructor(port: number, folder: string, env: Readonly<Record<string, string>>) {
    this.port = port;
    this.#env = env;
    this.url = `nats://127.0.0.1:${port}`;
    this.folder = folder;
    this.#child = this.#spawn();
  }

  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const port = options.port ?? (await freePort());
    const folder = await mkdtemp(join(tmpdir(), 'redshank-nats-'));
    const jetStream = `jetstream { store_dir: "${join(folder, 'store')}", max_file: 8GB, max_mem: 256MB }`;
    await writeFile(
      join(folder, 'nats.conf'),
      [
        'host: 127.0.0.1',
        `port: ${port}`,
        'max_payload: 8MB',
        ...(options.jetStream === false ? [] : [jetStream]),
        options.config ?? '',
      ].join('\n'),
    );
    const server = new NatsServer(port, folder, options.env ?? {});
    await server.ready();
    return server;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** What it printed last. */
  get output(): string {
    return this.#output;
  }

  /** Resolves when it greets, and JetStream has read what it stored. */
  async ready(): Promise<void> {
    await until('the greeting of nats-server', async () => {
      if (this.#hasEnded()) throw new Error(`nats-server ended:\n${this.#output}`);
      return this.#output.includes('Server is ready') && (await greets(this.port));
    });
  }

  /** `kill -9`. */
  async kill9(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** It answers nothing, and its connections stay. */
  async pause(): Promise<void> {
    this.#child.kill('SIGSTOP');
    // Each of its threads stops a moment later.
    const state = () => spawnSync('ps', ['-o', 'state=', '-p', String(this.pid)]).stdout.toString();
    await until('it stands still', () => state().startsWith('T'));
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** On the same port and store, after a stop or a kill. */
  async restart(): Promise<void> {
    await this.#end('SIGTERM');
    this.#output = '';
    this.#child = this.#spawn();
    await this.ready();
  }

  /** Ends it, and removes its folder. */
  async stop(): Promise<void> {
    this.resume();
    await this.#end('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  #spawn(): ChildProcess {
    const child = spawn(PROGRAM, ['-c', join(this.folder, 'nats.conf')], {
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-OUTPUT_KEPT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    return child;
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#hasEnded()) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exited;
  }
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
  });
}
