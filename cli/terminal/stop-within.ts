import { setTimeout as sleep } from 'node:timers/promises';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';

/** A stop commits, snapshots and closes; orchestrators kill after 30 s. */
const STOP_DEADLINE_MS = 20_000;

/**
 * Runs a graceful stop, but not for ever.
 *
 * @throws CommandFailure after the deadline. Nothing acknowledged is lost then either: a start replays the log.
 */
export async function stopWithin(stop: () => Promise<void>, deadlineMs = STOP_DEADLINE_MS): Promise<void> {
  const done = new AbortController();
  const late = sleep(deadlineMs, 'late' as const, { signal: done.signal }).catch(() => 'in time' as const);
  const result = await Promise.race([stop().then(() => 'in time' as const), late]);
  done.abort();
  if (result === 'late') {
    throw new CommandFailure(
      ExitCode.failed,
      `did not stop within ${deadlineMs / 1_000} s; acknowledged readings are safe`,
    );
  }
}
