import assert from 'node:assert/strict';
import { FrameBatch } from '../../models/domain/frame-batch.js';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import { OverloadedError } from '../../models/errors.js';
import { BackPressure } from '../../services/ingest/back-pressure.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import type { Storage } from '../../storage/storage.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const PARTITIONS = 2;
const MOST_WAITING = 3;

describe('back-pressure', () => {
  const folder = temporaryFolder();
  let storage: Storage;
  let nowMs = 0;
  let pressure: BackPressure;
  beforeEach(async () => {
    storage = await openEmbeddedStorage(folder());
    pressure = new BackPressure(storage.journal, PARTITIONS, MOST_WAITING, () => nowMs);
  });
  afterEach(() => storage.close());

  const post = () => storage.journal.append({ topic: 'readings', partition: 1 }, ReadingBatch.create().encode());
  async function measureAll(): Promise<void> {
    for (let i = 0; i < PARTITIONS; i++) await pressure.measure();
  }

  it('refuses a partition while more chunks wait there than may, and no other', () => {
    pressure.report('scorer', 1, MOST_WAITING + 1);
    assert.throws(() => pressure.check(1), OverloadedError);
    assert.match(pressure.reason() ?? '', /4 chunks of frames wait in partition 1, at most 3 may/);
    pressure.check(0);
    pressure.report('scorer', 1, MOST_WAITING);
    pressure.check(1);
    assert.equal(pressure.reason(), undefined);
  });

  it('asks the log where no owner tells anything', async () => {
    for (let i = 0; i <= MOST_WAITING; i++) await post();
    await measureAll();
    assert.match(pressure.reason() ?? '', /4 chunks of readings wait in partition 1/);

    await storage.journal.append(
      { topic: 'frames', partition: 1 },
      FrameBatch.create().encode({ epoch: 1, from: 0, to: 2, timeMs: 0 }),
    );
    nowMs += 5_000;
    await measureAll();
    pressure.check(1);
  });

  it('believes an owner for a while, then asks the log again', async () => {
    for (let i = 0; i <= MOST_WAITING; i++) await post();
    pressure.report('window', 1, 0);
    await measureAll();
    pressure.check(1);
    nowMs += 5_000;
    await measureAll();
    assert.throws(() => pressure.check(1), OverloadedError);
  });

  it('passes over what no owner of ours would tell', () => {
    for (const [stage, partition, chunks] of [
      ['toString', 0, 9],
      ['window', 99, 9],
      ['window', 0, NaN],
    ] as const) {
      pressure.report(stage, partition, chunks);
    }
    assert.equal(pressure.reason(), undefined);
  });
});
