import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ApiClient } from '../client.js';
import type { ClusterAnswer } from '../cluster/cluster-answer.js';
import { Refill } from '../cluster/refill.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { clientFor, type GlobalOptions } from '../options.js';
import { formatCount, formatDuration } from '../terminal/amounts.js';
import { confirm } from '../terminal/confirm.js';
import { startProgress } from '../terminal/progress.js';
import { printJson, printLine, type Terminal } from '../terminal/terminal.js';

interface RebuildOptions extends GlobalOptions {
  readonly yes?: boolean;
  readonly wait: boolean;
}

const LOOK_EVERY_MS = 500;
/** It goes on as long as there is progress; without any for so long, something is wrong. */
const STALLED_MS = 60_000;
const WARNING =
  'Scores, devices and alerts that people see are forgotten and filled again from the log, as far back as the log reaches: ' +
  'what it no longer holds is gone. Readings, detectors and open alerts of the services are not touched.';

export function addRebuildCommand(program: Command, terminal: Terminal): void {
  program
    .command('rebuild')
    .description('forget the read side and have it filled again from the log')
    .option('--yes', 'do not ask')
    .option('--no-wait', 'begin, and do not wait for the end')
    .action(async (_options: unknown, command: Command) => {
      await rebuild(terminal, command.optsWithGlobals<RebuildOptions>());
    });
}

async function rebuild(terminal: Terminal, options: RebuildOptions): Promise<void> {
  if (options.yes !== true) await confirm(terminal, WARNING);
  const client = clientFor(terminal, options);
  const startedMs = performance.now();
  const { silent } = (await client.post<{ silent: readonly object[] }>('/v1/cluster/rebuild')).body;
  if (!options.wait) {
    if (options.json === true) printJson(terminal, { begun: true, silent });
    else printLine(terminal, 'begun; `redshank doctor` says how far it is');
    return;
  }
  const refill = await waitForRefill(terminal, client);
  const tookMs = Math.round(performance.now() - startedMs);
  if (options.json === true) printJson(terminal, { partitions: refill.partitions, tookMs });
  else
    printLine(terminal, `the read side is filled again: ${refill.partitions} partitions in ${formatDuration(tookMs)}`);
}

/** @throws CommandFailure when it comes no nearer for a minute. */
async function waitForRefill(terminal: Terminal, client: ApiClient): Promise<Refill> {
  const refill = new Refill();
  refill.look(await client.get<ClusterAnswer>('/v1/cluster'));
  const progress = startProgress(terminal, 'filling', refill.partitions);
  let movedMs = performance.now();
  try {
    while (!refill.isComplete) {
      if (performance.now() - movedMs > STALLED_MS) {
        throw new CommandFailure(
          ExitCode.failed,
          `no progress for ${formatDuration(STALLED_MS)}, ${formatCount(refill.left)} chunks are missing: \`redshank doctor\` and the logs of scorer and alerting say more. It goes on by itself`,
        );
      }
      progress.update(refill.done, `${formatCount(refill.left)} chunks to go`);
      await sleep(LOOK_EVERY_MS, undefined, { signal: terminal.signal }).catch(() => undefined);
      if (refill.look(await client.get<ClusterAnswer>('/v1/cluster'))) movedMs = performance.now();
    }
  } finally {
    progress.stop();
  }
  return refill;
}
