/**
 * One process a data folder. The lock is the file `lock` with the owner's pid and the time at which that process started,
 * so that a `kill -9` leaves nothing to wait for, and a pid that was given to another process is not mistaken for its owner.
 */
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { StorageFailedError } from '../models/errors.js';

interface Owner {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process; empty where the system does not tell. */
  readonly started: string;
}

/** Rounds of "the owner is dead, take over" before giving up: more means that others keep dying or winning. */
const ATTEMPTS = 10;

export class DataDirLock {
  readonly #path: string;
  readonly #text: string;

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  /** @throws StorageFailedError when another living process, or another caller of this one, has `directory`, or it is not writable. */
  static acquire(directory: string): DataDirLock {
    const path = join(directory, 'lock');
    const text = JSON.stringify({ pid: process.pid, started: startOf(process.pid) ?? '' } satisfies Owner);
    const candidate = `${path}.${process.pid}`;
    try {
      writeDurably(candidate, text);
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (linked(candidate, path)) return new DataDirLock(path, text);
        const found = textOf(path);
        if (found === undefined) continue;
        const owner = parseOwner(found);
        if (owner !== undefined && isAlive(owner)) {
          throw new StorageFailedError(
            `${directory} is in use by process ${owner.pid}: stop it, or give this one another DATA_DIR`,
            { data: { pid: owner.pid } },
          );
        }
        takeAway(path, found, `${candidate}.dead`);
      }
      throw new StorageFailedError(`${directory} could not be locked: other processes keep taking it`);
    } catch (error) {
      if (error instanceof StorageFailedError) throw error;
      throw new StorageFailedError(`cannot lock ${directory}: ${(error as Error).message}`, { cause: error });
    } finally {
      rmSync(candidate, { force: true });
    }
  }

  /** Idempotent; leaves a lock that is no longer ours. */
  release(): void {
    if (textOf(this.#path) === this.#text) rmSync(this.#path, { force: true });
  }
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, 'w');
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
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
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseOwner(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<Owner> | null;
    return typeof owner?.pid === 'number' && typeof owner.started === 'string'
      ? { pid: owner.pid, started: owner.started }
      : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, started }: Owner): boolean {
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
