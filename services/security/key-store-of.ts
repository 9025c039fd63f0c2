import type { NodeContext } from '../node-context.js';
import { FileKeyStore } from './file-key-store.js';
import type { KeyStore } from './key-store.js';
import { LogKeyStore } from './log-key-store.js';

/** Members of a cluster share their keys; a process of its own has them in its data folder. */
export function keyStoreOf({ storage, settings }: Pick<NodeContext, 'storage' | 'settings'>): KeyStore {
  return storage.mode === 'cluster' ? new LogKeyStore(storage.journal) : new FileKeyStore(settings.dataDir);
}
