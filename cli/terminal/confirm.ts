/** Asks before something that cannot be undone. */
import { createInterface } from 'node:readline/promises';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import type { Terminal } from './terminal.js';

/**
 * @param warning what will happen
 * @throws CommandFailure when nobody is there to ask, or the answer is not yes.
 */
export async function confirm({ stdin, stderr, signal }: Terminal, warning: string): Promise<void> {
  if (!('isTTY' in stdin) || stdin.isTTY !== true) {
    throw new CommandFailure(ExitCode.usage, `${warning} Say --yes if you mean it`);
  }
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await lines.question(`${warning}\nGo on? [y/N] `, { signal });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    lines.close();
  }
  throw new CommandFailure(ExitCode.failed, 'nothing was changed');
}
