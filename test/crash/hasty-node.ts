/** A Redshank that acknowledges readings before they are written. The crash test must catch it. */
import pino from 'pino';
import { loadSettings } from '../../models/settings.js';
import { startNode } from '../../services/start-node.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import type { Journal } from '../../storage/journal/journal.js';

const WRITES_AFTER_MS = 100;

function hasty(journal: Journal): Journal {
  return {
    durability: 'none',
    append: (stream, payload, options) => {
      if (stream.topic !== 'readings') return journal.append(stream, payload, options);
      setTimeout(() => void journal.append(stream, payload, options), WRITES_AFTER_MS);
      return Promise.resolve(0);
    },
    read: (stream, sequence) => journal.read(stream, sequence),
    state: (stream) => journal.state(stream),
    lastRecord: (stream) => journal.lastRecord(stream),
    trim: (stream, sequence) => journal.trim(stream, sequence),
    close: () => journal.close(),
  };
}

const node = await startNode(loadSettings({ env: process.env }), pino({ level: 'warn' }), {
  openStorage: async (dataDir) => {
    const storage = await openEmbeddedStorage(dataDir);
    return { ...storage, journal: hasty(storage.journal), close: () => storage.close() };
  },
});
process.once('SIGTERM', () => void node.stop().then(() => process.exit(0)));
