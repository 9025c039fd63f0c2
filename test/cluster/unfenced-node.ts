/**
 * A member of the cluster without the fence, whose clock stands still while the process does: after a SIGSTOP it does not know
 * that its leases are over, and nobody refuses what it writes. The chaos test must catch it.
 */
import { systemClock, type Clock } from '../../mixins/clock.js';
import { startMember } from '../support/start-member.js';

/** A longer silence of the clock is taken for one of the process. */
const LONGEST_STEP_MS = 1_500;

let lastMs = systemClock.monotonicMs();
let ownMs = 0;
const clock: Clock = {
  ...systemClock,
  monotonicMs: () => {
    const nowMs = systemClock.monotonicMs();
    ownMs += Math.min(LONGEST_STEP_MS, nowMs - lastMs);
    lastMs = nowMs;
    return ownMs;
  },
};

await startMember({ clock, runner: { isFenced: false } });
