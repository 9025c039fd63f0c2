import assert from 'node:assert/strict';
import { RegistryLog } from '../../services/model-registry/registry-log.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import type { Storage } from '../../storage/storage.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const BY = { by: 'ada', atMs: 1 };

describe('registry log', () => {
  const folder = temporaryFolder();
  let storage: Storage;
  beforeEach(async () => {
    storage = await openEmbeddedStorage(folder());
  });
  afterEach(() => storage.close());

  async function open(): Promise<RegistryLog> {
    const log = new RegistryLog(storage.journal, () => 1);
    await log.refresh();
    return log;
  }

  it('is read again after a restart', async () => {
    const log = await open();
    const [registered] = await log.append((registry) => registry.registering('pump', {}, BY));
    await log.append((registry) => registry.promoting('pump', registered!.version, BY));
    assert.deepEqual((await open()).registry.list(), log.registry.list());
  });

  it('decides anew when somebody else has written in between', async () => {
    const [one, other] = [await open(), await open()];
    await one.append((registry) => registry.registering('pump', {}, BY));
    const written = await other.append((registry) => registry.registering('pump', {}, BY));
    assert.deepEqual(written, []);
    await other.append((registry) => registry.registering('pump', { window: { stepMs: 5 } }, BY));
    assert.equal(other.registry.get('pump').versions.length, 2);
  });
});
