import { Readable, Writable } from 'node:stream';
import pc from 'picocolors';
import { runCommandLine } from '../../../cli/program.js';
import type { Terminal } from '../../../cli/terminal/terminal.js';

class RecordingStream extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export interface RecordingTerminal extends Terminal {
  readonly stdout: RecordingStream;
  readonly stderr: RecordingStream;
}

/** A terminal that remembers what was printed. */
export function recordingTerminal(
  env: Readonly<Record<string, string>> = {},
  stdin = '',
  signal = new AbortController().signal,
): RecordingTerminal {
  return {
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout: new RecordingStream(),
    stderr: new RecordingStream(),
    env,
    colors: pc.createColors(false),
    signal,
  };
}

/** Runs one command line to its end. */
export async function run(
  args: readonly string[],
  terminal = recordingTerminal(),
): Promise<{ exitCode: number; out: string; err: string }> {
  const exitCode = await runCommandLine(args, terminal);
  return { exitCode, out: terminal.stdout.text, err: terminal.stderr.text };
}
