/** A process that this one has started: its lines, its end, and how to bring that about. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told of each line of both streams. */
  readonly onLine: (line: string, child: Child) => void;
  /** Told once, when it has ended. */
  readonly onEnd: (child: Child) => void;
}

/** Characters of a line that are shown. */
const LONGEST_LINE = 10_000;

export class Child {
  readonly name: string;
  /** -1 when it could not be started. */
  readonly pid: number;
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  #isStopping = false;
  #problem: string | undefined;

  constructor({ name, command, args, env, onLine, onEnd }: ChildOptions) {
    this.name = name;
    // In a session of its own: Ctrl-C at the terminal is for us, who stop the parts one after the other.
    this.#child = spawn(command, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.pid = this.#child.pid ?? -1;
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => onLine(line.slice(0, LONGEST_LINE), this));
    }
    this.ended = new Promise<void>((resolve) => {
      // `close` comes after the last line, and never for a process that could not be started.
      this.#child.once('close', () => resolve());
      this.#child.once('error', (error) => {
        this.#problem = error.message;
        if (this.pid === -1) resolve();
      });
    }).then(() => onEnd(this));
  }

  get isRunning(): boolean {
    return this.pid !== -1 && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Whether `stop` was called: then its end is no surprise. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** How it ended, as it follows its name: `was killed by SIGKILL`. */
  get ending(): string {
    const { exitCode, signalCode } = this.#child;
    if (this.#problem !== undefined) return `could not be started: ${this.#problem}`;
    return signalCode === null ? `ended with exit code ${exitCode}` : `was killed by ${signalCode}`;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  get signal(): string | null {
    return this.#child.signalCode;
  }

  /** Resident memory, in bytes; undefined where the system does not tell, and after its end. */
  memoryBytes(): number | undefined {
    try {
      const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8')) ?? [];
      return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
    } catch {
      return undefined;
    }
  }

  /** Asks it to stop; kills it when it has not within `withinMs`. */
  async stop(withinMs: number): Promise<void> {
    this.#isStopping = true;
    if (!this.isRunning) return;
    this.#child.kill('SIGTERM');
    // One that somebody has paused hears nothing before it goes on.
    this.#child.kill('SIGCONT');
    const isOver = new AbortController();
    const late = sleep(withinMs, undefined, { signal: isOver.signal }).then(
      () => this.#child.kill('SIGKILL'),
      () => undefined,
    );
    await this.ended;
    isOver.abort();
    await late;
  }
}
