/** Entry of `npx redshank`. Runs one command and ends the process with its exit code. */
import { runCommandLine } from './program.js';
import { processTerminal } from './terminal/terminal.js';

const stopped = new AbortController();
const onSignal = (): void => {
  // The second one means it: no more waiting.
  if (stopped.signal.aborted) process.exit(130);
  stopped.abort();
};
process.on('SIGINT', onSignal);
process.on('SIGTERM', onSignal);
// `redshank tail | head`: who reads has gone, and that is fine.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const exitCode = await runCommandLine(process.argv.slice(2), processTerminal(stopped.signal));
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
