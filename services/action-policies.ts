/**
 * How actions of several services may be called; what is special to one service stands there.
 *
 * Limits are for one node. They hold back callers, not the work of a cluster in order: that stays far below them.
 */
import type { ActionPolicy } from '../mixins/bus/action-policy.js';

/** Looks something up and changes nothing, for our own processes. */
export const LOOK_INSIDE: ActionPolicy = {
  isIdempotent: true,
  timeoutMs: 5_000,
  mostConcurrent: 32,
  mostQueued: 256,
};

/** The same for services of other teams too. Some 10 ms of Redis each. */
export const LOOK: ActionPolicy = { ...LOOK_INSIDE, publicFor: 'read' };

/** As `LOOK`, with up to 5,000 rows to unpack: some 20 ms of the thread that also runs the partitions. */
export const LOOK_FAR: ActionPolicy = { ...LOOK, mostConcurrent: 4, mostQueued: 64 };

/**
 * A person's or another team's word about an alert. Waits up to 5 s until it has passed all stages. Not repeated by itself: after
 * a timeout it is in the log already.
 */
export const COMMAND_ALERT: ActionPolicy = {
  publicFor: 'operate',
  timeoutMs: 10_000,
  mostConcurrent: 64,
  mostQueued: 256,
};
