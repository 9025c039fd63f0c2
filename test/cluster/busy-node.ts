/** A member of the cluster that takes snapshots and trims all the time, so that a fault is likely to hit one of them. */
import { startMember } from '../support/start-member.js';

await startMember({ runner: { snapshotEveryMs: 5_000, snapshotEveryRecords: 2_000 } });
