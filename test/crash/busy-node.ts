/** A Redshank that takes snapshots and trims all the time, so that a kill is likely to hit one of them. */
import pino from 'pino';
import { loadSettings } from '../../models/settings.js';
import { startNode } from '../../services/start-node.js';

const node = await startNode(loadSettings({ env: process.env }), pino({ level: 'warn' }), {
  runner: { snapshotEveryMs: 200, snapshotEveryRecords: 100 },
});
process.once('SIGTERM', () => void node.stop().then(() => process.exit(0)));
