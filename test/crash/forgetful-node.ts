/** A Redshank whose stages forget at every start what they had committed, and without a fence. The crash test must catch it. */
import pino from 'pino';
import { loadSettings } from '../../models/settings.js';
import { startNode } from '../../services/start-node.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import type { Journal } from '../../storage/journal/journal.js';

function forgetful(journal: Journal): Journal {
  return {
    durability: journal.durability,
    append: (stream, payload, options) =>
      journal.append(stream, payload, stream.topic === 'frames' || stream.topic === 'scores' ? {} : options),
    read: (stream, sequence) => journal.read(stream, sequence),
    state: (stream) => journal.state(stream),
    lastRecord: (stream) =>
      stream.topic === 'frames' || stream.topic === 'scores' ? Promise.resolve(undefined) : journal.lastRecord(stream),
    trim: (stream, sequence) => journal.trim(stream, sequence),
    close: () => journal.close(),
  };
}

const node = await startNode(loadSettings({ env: process.env }), pino({ level: 'warn' }), {
  openStorage: async (dataDir) => {
    const storage = await openEmbeddedStorage(dataDir);
    return { ...storage, journal: forgetful(storage.journal), close: () => storage.close() };
  },
});
process.once('SIGTERM', () => void node.stop().then(() => process.exit(0)));
