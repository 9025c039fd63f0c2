import assert from 'node:assert/strict';
import { AlertBatch } from '../../models/domain/alert.js';
import { StorageFailedError } from '../../models/errors.js';
import { logRetention } from '../../services/log-retention.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import type { ReadSide } from '../../storage/read-side/read-side.js';
import type { Storage } from '../../storage/storage.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const STREAM = { topic: 'alerts', partition: 0 } as const;
const CHUNKS = 10;
const NOW_MS = 1_000;

/** A log of ten chunks that came at 1, 2, … 10 ms. */
describe('retention of a log that people look at', () => {
  const folder = temporaryFolder();
  let storage: Storage;
  beforeEach(async () => {
    storage = await openEmbeddedStorage(folder());
    for (let timeMs = 1; timeMs <= CHUNKS; timeMs++) {
      const chunk = AlertBatch.create().encode({ epoch: 1, from: timeMs - 1, to: timeMs, timeMs });
      await storage.journal.append(STREAM, chunk);
    }
  });
  afterEach(() => storage.close());

  /** @param position what the read side says that it shows, or fails with. */
  function floor(mode: Storage['mode'], position: number | Error, keepMs: number): Promise<number> {
    const asked = () => (typeof position === 'number' ? Promise.resolve(position) : Promise.reject(position));
    const readSide = { position: asked } as unknown as ReadSide;
    const options = { keepMs, maxBytes: 1e9, wallMs: () => NOW_MS };
    return logRetention({ ...storage, mode, readSide }, options)(STREAM.topic, STREAM.partition, Infinity);
  }

  it('embedded, keeps what is not shown yet', async () => {
    assert.equal(await floor('embedded', 4, 0), 4);
    assert.equal(await floor('embedded', 10, 0), CHUNKS - 1);
  });

  it('in a cluster, keeps what is not shown yet and what is young', async () => {
    assert.equal(await floor('cluster', 4, 0), 4);
    assert.equal(await floor('cluster', 10, NOW_MS - 7), 6);
  });

  it('goes by age alone while the read side is away', async () => {
    assert.equal(await floor('cluster', new StorageFailedError('Redis is away'), NOW_MS - 7), 6);
  });

  it('takes no other failure for an absence', async () => {
    await assert.rejects(floor('cluster', new TypeError('a defect'), 0), TypeError);
  });
});
