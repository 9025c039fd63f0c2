import pc from 'picocolors';

type Colors = ReturnType<typeof pc.createColors>;

/** What a command may touch of the outside: the streams, the environment, and the wish of the user to end it. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Colours for stdout; identities where it is no terminal or `NO_COLOR` is set. */
  readonly colors: Colors;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
}

/** The terminal of this process. */
export function processTerminal(signal: AbortSignal): Terminal {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    colors: pc.createColors(pc.isColorSupported && process.stdout.isTTY),
    signal,
  };
}

/** A line for people or machines. */
export function printLine(terminal: Terminal, text = ''): void {
  terminal.stdout.write(`${text}\n`);
}

/** A line beside the result: progress, warnings. */
export function printNote(terminal: Terminal, text: string): void {
  terminal.stderr.write(`${text}\n`);
}

export function printJson(terminal: Terminal, value: unknown): void {
  terminal.stdout.write(`${JSON.stringify(value)}\n`);
}

/**
 * Text from outside, made safe for a terminal: a device name must not move the cursor or change colours.
 */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}
