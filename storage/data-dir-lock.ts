/**
 * One process a data folder. The lock is the file `lock`, which says who has it.
 *
 * An owner on this machine and in this PID namespace is judged by its pid and the time at which that process started: so a
 * `kill -9` leaves nothing to wait for, and a pid that was given to another process is not mistaken for its owner. Of an owner
 * elsewhere (another container, another machine on the same volume) a pid says nothing: it is alive while it touches the file.
 */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  futimes,
  linkSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageFailedError } from '../models/errors.js';

export interface DataDirLockOptions {
  /** How often the owner touches the lock, in ms. Default 2,000. */
  readonly heartbeatMs?: number;
  /** An owner elsewhere that has not touched the lock while it was watched for so long is dead, in ms. Default 10,000. */
  readonly deadAfterMs?: number;
  /** How long to wait for an owner elsewhere to die or to leave before refusing, in ms. Default 12,000. */
  readonly waitMs?: number;
}

interface Owner {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process; empty where the system does not tell. */
  readonly started: string;
  /** Where the pid means something; empty where the system has no such thing. */
  readonly pidNamespace: string;
  readonly host: string;
  /** Of this acquisition alone: what tells a lock from every other. */
  readonly token: string;
}

/** Rounds of "the owner is dead, take over" before giving up: more means that others keep dying or winning. */
const ATTEMPTS = 10;

export class DataDirLock {
  readonly #path: string;
  readonly #text: string;
  readonly #file: number;
  readonly #heartbeat: NodeJS.Timeout;
  #isReleased = false;

  private constructor(path: string, text: string, file: number, heartbeatMs: number) {
    this.#path = path;
    this.#text = text;
    this.#file = file;
    this.#heartbeat = setInterval(() => {
      this.#touch();
    }, heartbeatMs);
    this.#heartbeat.unref();
  }

  /** @throws StorageFailedError when another living process, or another caller of this one, has `directory`, or it is not writable. */
  static async acquire(directory: string, options: DataDirLockOptions = {}): Promise<DataDirLock> {
    const { heartbeatMs = 2_000, deadAfterMs = 10_000, waitMs = 12_000 } = options;
    const path = join(directory, 'lock');
    const us = ourselves();
    const text = JSON.stringify(us);
    // Named by the token: in two containers the pids may be equal.
    const candidate = `${path}.${us.token}`;
    let file: number | undefined;
    try {
      file = writeDurably(candidate, text);
      const watch = new OwnerWatch(path, deadAfterMs, waitMs);
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (linked(candidate, path)) {
          const lock = new DataDirLock(path, text, file, heartbeatMs);
          file = undefined;
          return lock;
        }
        const found = textOf(path);
        if (found === undefined) continue;
        const owner = parseOwner(found, us);
        if (owner === undefined || !(await isAlive(owner, us, found, watch))) {
          takeAway(path, found, `${candidate}.dead`);
        } else if (textOf(path) === found) {
          throw new StorageFailedError(
            `${directory} is in use by process ${owner.pid}${isHere(owner, us) ? '' : ` on ${owner.host}`}: ` +
              'stop it, or give this one another DATA_DIR',
            { data: { pid: owner.pid, host: owner.host } },
          );
        }
      }
      throw new StorageFailedError(`${directory} could not be locked: other processes keep taking it`);
    } catch (error) {
      if (error instanceof StorageFailedError) throw error;
      throw new StorageFailedError(`cannot lock ${directory}: ${(error as Error).message}`, { cause: error });
    } finally {
      if (file !== undefined) closeSync(file);
      rmSync(candidate, { force: true });
    }
  }

  /** Idempotent; leaves a lock that is no longer ours. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    clearInterval(this.#heartbeat);
    closeSync(this.#file);
    if (textOf(this.#path) === this.#text) rmSync(this.#path, { force: true });
  }

  /** By the open file, not by its name: another one's lock is never touched. */
  #touch(): void {
    const now = new Date();
    // A disk that refuses is noticed by those who write data; the others then think us dead, and the log refuses the second writer.
    futimes(this.#file, now, now, () => undefined);
  }
}

/** Looks on while an owner elsewhere touches its lock. By changes, not by the time of day: clocks of machines differ. */
class OwnerWatch {
  readonly #path: string;
  readonly #deadAfterMs: number;
  readonly #untilMs: number;

  constructor(path: string, deadAfterMs: number, waitMs: number) {
    this.#path = path;
    this.#deadAfterMs = deadAfterMs;
    this.#untilMs = performance.now() + waitMs;
  }

  /** Resolves when it has not touched `expected` for long enough or the lock is another's (false), or when waiting is over (true). */
  async isAlive(expected: string): Promise<boolean> {
    let touchedMs = touchTimeOf(this.#path);
    let sinceMs = performance.now();
    while (performance.now() < this.#untilMs) {
      await sleep(Math.min(200, this.#deadAfterMs / 10));
      if (textOf(this.#path) !== expected) return false;
      const nowMs = touchTimeOf(this.#path);
      if (nowMs !== touchedMs) {
        touchedMs = nowMs;
        sinceMs = performance.now();
      } else if (performance.now() - sinceMs >= this.#deadAfterMs) return false;
    }
    return true;
  }
}

function ourselves(): Owner {
  return {
    pid: process.pid,
    started: startOf(process.pid) ?? '',
    pidNamespace: pidNamespace(),
    host: hostname(),
    token: randomUUID(),
  };
}

function isHere(owner: Owner, us: Owner): boolean {
  return owner.pidNamespace === us.pidNamespace && owner.host === us.host;
}

async function isAlive(owner: Owner, us: Owner, text: string, watch: OwnerWatch): Promise<boolean> {
  return isHere(owner, us) ? isRunning(owner) : watch.isAlive(text);
}

/** @returns the file, open: the owner touches it through this. */
function writeDurably(path: string, text: string): number {
  const file = openSync(path, 'wx');
  try {
    writeSync(file, text);
    fsyncSync(file);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** A link, unlike a file that is opened and then filled, appears with its contents. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock of a dead owner; puts it back when somebody else replaced it in between. */
function takeAway(path: string, expected: string, aside: string): void {
  if (textOf(path) !== expected) return;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (textOf(aside) !== expected) linked(aside, path);
  rmSync(aside, { force: true });
}

function textOf(path: string): string | undefined {
  return unlessMissing(() => readFileSync(path, 'utf8'));
}

function touchTimeOf(path: string): number | undefined {
  return unlessMissing(() => statSync(path).mtimeMs);
}

function unlessMissing<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseOwner(text: string, us: Owner): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<Owner> | null;
    if (typeof owner?.pid !== 'number' || typeof owner.started !== 'string') return undefined;
    const { pid, started, pidNamespace = us.pidNamespace, host = us.host, token = '' } = owner;
    return { pid, started, pidNamespace, host, token };
  } catch {
    return undefined;
  }
}

function isRunning({ pid, started }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = startOf(pid);
  return now === undefined || started === '' || now === started;
}

/** Field 22 of /proc/PID/stat, counted after the name in parentheses, with the boot it is counted from; undefined without /proc. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie holds nothing any more.
    if (fields[0] === 'Z') return 'ended';
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19]!}`;
  } catch {
    return undefined;
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
