/**
 * Patience with servers of NATS that start together: there may be no leader yet, of the cluster or of a stream, or too few of them for
 * the replicas. What they refuse then is asked again, until a deadline.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PermissionViolationError } from 'nats';
import { StorageFailedError } from '../../models/errors.js';
import { JetStreamRefusal, RefusalCode } from './jetstream-api.js';
import type { NatsConnectionOptions } from './nats-connection.js';

/** Does `work`, again and again if need be, so it must leave nothing behind when it fails. */
export type WhileElecting = <T>(work: () => Promise<T>) => Promise<T>;

const AGAIN_MS = 1_000;
/** Refusals of a cluster that is still electing, or of which members are missing. */
const PASSING: ReadonlySet<number> = new Set([
  RefusalCode.noSuitablePeers,
  RefusalCode.temporarilyUnavailable,
  RefusalCode.notLeader,
  RefusalCode.insufficientResources,
]);

/**
 * @param withinMs from now on, for all that is done by the answer together; 0: what fails, fails at once.
 * @returns what does work. It throws the last error when the time is over, errors that no waiting mends at once, and an `AbortError`.
 */
export function whileElecting(
  withinMs: number,
  { report, signal }: Pick<NatsConnectionOptions, 'report' | 'signal'> = {},
): WhileElecting {
  const deadlineMs = performance.now() + withinMs;
  let isTold = false;
  return async (work) => {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isPassing(error) || performance.now() + AGAIN_MS >= deadlineMs) throw error;
        if (!isTold) report?.('warn', `JetStream is not ready yet (${error.message}): still trying`);
        isTold = true;
        await sleep(AGAIN_MS, undefined, { signal });
      }
    }
  };
}

/** Whether waiting may help. Not for a user who may not ask. */
function isPassing(error: unknown): error is StorageFailedError {
  if (error instanceof JetStreamRefusal) return PASSING.has(error.errCode);
  return error instanceof StorageFailedError && !(error.cause instanceof PermissionViolationError);
}
