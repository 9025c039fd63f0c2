import assert from 'node:assert/strict';
import { FrameBatch } from '../../models/domain/frame-batch.js';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import { OverloadedError } from '../../models/errors.js';
import { BackPressure } from '../../services/ingest/back-pressure.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('back-pressure', () => {
  const folder = temporaryFolder();

  it('refuses while more chunks wait than may, and only then', async () => {
    const storage = await openEmbeddedStorage(folder());
    try {
      const pressure = new BackPressure(storage.journal, 2, 3);
      for (let i = 0; i < 4; i++) {
        await storage.journal.append({ topic: 'readings', partition: 1 }, ReadingBatch.create().encode());
      }
      await pressure.measure();
      assert.throws(() => pressure.check(), OverloadedError);
      assert.match(pressure.reason() ?? '', /4 chunks of readings wait in partition 1/);

      const progress = FrameBatch.create().encode({ epoch: 1, from: 0, to: 2, timeMs: 0 });
      await storage.journal.append({ topic: 'frames', partition: 1 }, progress);
      await pressure.measure();
      pressure.check();
    } finally {
      await storage.close();
    }
  });
});
