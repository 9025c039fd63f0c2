/** A Redshank of its own process, to be killed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.js';
import { until } from './until.js';

const START = [fileURLToPath(new URL('../../bin/redshank.js', import.meta.url)), 'start'];
const OUTPUT_KEPT = 20_000;

export interface ProcessOptions {
  readonly dataDir: string;
  readonly port?: number;
  /** Arguments of node; default: `redshank start`. */
  readonly arguments?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class RedshankProcess {
  readonly url: string;
  readonly child: ChildProcess;
  #output = '';
  #log = '';

  private constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.url = `http://127.0.0.1:${port}`;
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-OUTPUT_KEPT);
    };
    child.stdout?.on('data', (chunk: Buffer) => {
      keep(chunk);
      this.#log = (this.#log + chunk.toString()).slice(-OUTPUT_KEPT);
    });
    child.stderr?.on('data', keep);
  }

  static async start(options: ProcessOptions): Promise<RedshankProcess> {
    const port = options.port ?? (await freePort());
    const child = spawn(process.execPath, options.arguments ?? START, {
      env: {
        PATH: process.env.PATH,
        DATA_DIR: options.dataDir,
        PORT: String(port),
        METRICS_PORT: '0',
        API_RATE_LIMIT: '1000000',
        AUTH: 'off',
        LOG_LEVEL: 'warn',
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const redshank = new RedshankProcess(child, port);
    try {
      await redshank.ready();
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
    return redshank;
  }

  /** What it printed last to standard output alone: the log. */
  get log(): string {
    return this.#log;
  }

  /** What it printed last. */
  get output(): string {
    return this.#output;
  }

  async ready(): Promise<void> {
    await until('/ready', async () => {
      if (this.child.exitCode !== null) throw new Error(`redshank ended with ${this.child.exitCode}:\n${this.#output}`);
      const answer = await fetch(`${this.url}/ready`).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.status === 200;
    });
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** As an operator stops it. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
  }
}
