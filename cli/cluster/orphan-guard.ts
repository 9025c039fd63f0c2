/**
 * Ends the processes of a local cluster when the one that started them is gone without a word, by `kill -9` or a second Ctrl-C.
 * They have sessions of their own, so nobody else would. A shell holds the other end of a pipe; that closes with this process,
 * however it ends.
 */
import { spawn, type ChildProcess } from 'node:child_process';

/** Reads `+ pid` and `- pid`. At the end of the pipe whoever is left is told to stop, then killed. $1: a folder to remove. */
const SCRIPT = `
trap '' INT TERM HUP
pids=' '
while read -r sign pid; do
  case $sign in
    +) pids="$pids$pid " ;;
    -) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
case $pids in *[0-9]*)
  kill -TERM $pids 2>/dev/null
  sleep 10
  kill -KILL $pids 2>/dev/null ;;
esac
[ -z "$1" ] || rm -rf -- "$1"
`;

export class OrphanGuard {
  readonly #shell: ChildProcess;

  /** @param folder removed at the end, when nobody needs it any more. */
  constructor(folder: string | undefined) {
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT, 'sh', folder ?? ''], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // A guard that is gone is no reason to fail: it is for the case that we are.
    this.#shell.on('error', () => undefined);
    this.#shell.stdin?.on('error', () => undefined);
    this.#shell.unref();
  }

  watch(pid: number): void {
    this.#shell.stdin?.write(`+ ${pid}\n`);
  }

  forget(pid: number): void {
    this.#shell.stdin?.write(`- ${pid}\n`);
  }

  /** Lets it look after whoever is left, and end. */
  close(): void {
    this.#shell.stdin?.end();
  }
}
