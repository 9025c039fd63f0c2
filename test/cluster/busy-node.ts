/** A member of the cluster that takes snapshots and trims all the time, so that a fault is likely to hit one of them. */
import { startMember } from '../support/start-member.js';

/** What is trimmed can no longer be copied for the oracle: a long run on a busy machine needs more time for that. */
const everyMs = Number(process.env['CHAOS_SNAPSHOT_MS'] ?? 5_000);

await startMember({ runner: { snapshotEveryMs: everyMs, snapshotEveryRecords: 0.4 * everyMs } });
