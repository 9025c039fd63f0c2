import assert from 'node:assert/strict';
import { Projection, type ProjectionTarget } from '../../mixins/stage-host/projection.js';
import { AlertBatch } from '../../models/domain/alert.js';
import { StorageFailedError } from '../../models/errors.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import type { Storage } from '../../storage/storage.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const STREAM = { topic: 'alerts', partition: 0 } as const;

describe('projection', () => {
  const folder = temporaryFolder();
  let storage: Storage;
  /** What the read side was shown: sequences, in order. */
  let shown: number[];
  let isAway: boolean;
  let failures: number;
  let projection: Projection<AlertBatch>;

  const target: ProjectionTarget<AlertBatch> = {
    topic: 'alerts',
    position: () => Promise.resolve(0),
    write: (_partition, sequence) => {
      if (isAway) return Promise.reject(new StorageFailedError('the read side is away'));
      shown.push(sequence);
      return Promise.resolve(0);
    },
    forget: () => Promise.resolve(),
    decode: (bytes) => AlertBatch.decode(bytes),
  };

  beforeEach(async () => {
    storage = await openEmbeddedStorage(folder());
    shown = [];
    isAway = false;
    failures = 0;
    projection = new Projection(target, storage.journal, 0, () => failures++);
  });
  afterEach(async () => {
    await projection.stop();
    await storage.close();
  });

  function batch(): AlertBatch {
    const alerts = AlertBatch.create();
    alerts.add({ change: 'raised', alert: { id: 'al_1' } as never });
    return alerts;
  }

  async function commit(): Promise<void> {
    const one = batch();
    const sequence = await storage.journal.append(STREAM, one.encode({ epoch: 1, from: 0, to: 0, timeMs: 0 }));
    projection.show(sequence, one);
    one.clear();
  }

  const untilShown = (count: number) => until(`${count} shown`, () => shown.length >= count);

  it('shows what is committed, in order', async () => {
    for (let i = 0; i < 3; i++) await commit();
    await untilShown(3);
    assert.deepEqual(shown, [1, 2, 3]);
  });

  it('delivers from the log what was committed before it began', async () => {
    for (let i = 0; i < 3; i++)
      await storage.journal.append(STREAM, batch().encode({ epoch: 1, from: 0, to: 0, timeMs: 0 }));
    projection.catchUp(3);
    await untilShown(3);
    await commit();
    await untilShown(4);
    assert.deepEqual(shown, [1, 2, 3, 4]);
  });

  it('says how far it is, and delivers all of it again when told to', async () => {
    for (let i = 0; i < 3; i++) await commit();
    await until('all shown', () => projection.progress?.shown === 3);
    projection.again();
    assert.equal(projection.progress, undefined);
    await until('all shown again', () => projection.progress?.shown === 3);
    assert.deepEqual(shown, [1, 2, 3, 1, 2, 3]);
  });

  it('does not take what is on its way for shown', async () => {
    let arrive: (() => void) | undefined;
    const slow: ProjectionTarget<AlertBatch> = {
      ...target,
      write: (_partition, sequence) => new Promise((resolve) => (arrive = () => resolve(sequence))),
    };
    const waiting = new Projection(slow, storage.journal, 0, () => failures++);
    const sequence = await storage.journal.append(STREAM, batch().encode({ epoch: 1, from: 0, to: 0, timeMs: 0 }));
    waiting.catchUp(sequence);
    await until('the write', () => arrive !== undefined);
    assert.deepEqual(waiting.progress, { shown: 0, end: 1 });
    arrive!();
    await until('its end', () => waiting.progress?.shown === 1);
    await waiting.stop();
  });

  it('goes on from the log when the read side comes back', async () => {
    await commit();
    await untilShown(1);
    isAway = true;
    await commit();
    await commit();
    await until('a failure', () => failures > 0);
    isAway = false;
    await until('all of it', () => shown.at(-1) === 3);
    assert.deepEqual([...new Set(shown)], [1, 2, 3]);
  });

  it('passes over commits without results', async () => {
    await commit();
    await untilShown(1);
    const empty = AlertBatch.create();
    const sequence = await storage.journal.append(STREAM, empty.encode({ epoch: 1, from: 0, to: 5, timeMs: 0 }));
    projection.show(sequence, empty);
    await commit();
    await untilShown(2);
    assert.deepEqual(shown, [1, 3]);
  });
});
