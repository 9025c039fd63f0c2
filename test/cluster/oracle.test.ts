/** The oracle is right about a run that nothing disturbed, and sees every kind of fault that it is there for. */
import assert from 'node:assert/strict';
import pino from 'pino';
import { loadSettings } from '../../models/settings.js';
import { startNode, type RunningNode } from '../../services/start-node.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import type { Storage } from '../../storage/storage.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';
import { Load } from './load.js';
import { LogCopy, type CopiedTopic, type Stream } from './log-copy.js';
import { FLAWLESS, judgeRun, type Verdict } from './oracle.js';

const READINGS = 3_000;

describe('oracle of the cluster tests', () => {
  const folder = temporaryFolder();
  let storage: Storage;
  let node: RunningNode;
  let copy: LogCopy;
  let load: Load;

  beforeEach(async () => {
    const dataDir = folder();
    storage = await openEmbeddedStorage(dataDir);
    const env = { DATA_DIR: dataDir, PORT: '0', METRICS_PORT: '0', AUTH: 'off' };
    const settings = loadSettings({ env });
    const kept: Storage = { ...storage, outage: () => undefined, close: () => Promise.resolve() };
    node = await startNode(settings, pino({ level: 'silent' }), { openStorage: () => Promise.resolve(kept) });
    copy = new LogCopy(storage.journal, settings.partitions);
    copy.start();
    load = new Load({
      seed: 5,
      url: () => node.url!,
      posters: 2,
      devicesEach: 12,
      batch: 50,
      readingsASecond: Infinity,
      answerWithinMs: 10_000,
    });
    load.start();
    await until('readings', () => load.counts.acknowledged >= READINGS);
    await load.stop();
    await node.stop();
    await copy.finish();
  });
  afterEach(() => storage.close());

  async function verdictWith(topic: CopiedTopic, change: (stream: Stream) => Stream): Promise<Verdict> {
    const changed = Object.create(copy, {
      stream: {
        value: (of: CopiedTopic, partition: number) =>
          of === topic ? change(copy.stream(of, partition)) : copy.stream(of, partition),
      },
    }) as LogCopy;
    return (await judgeRun(load.acknowledged, changed, undefined)).verdict;
  }

  it('finds no fault where there is none', async () => {
    const { verdict, evidence } = await judgeRun(load.acknowledged, copy, storage.blobs);
    assert.deepEqual(verdict, FLAWLESS, evidence.examples.join('\n'));
    assert.ok(evidence.acknowledged >= READINGS && evidence.scoreRows >= READINGS && evidence.snapshots > 0);
    assert.deepEqual(load.faults, []);
  });

  it('sees what is lost, doubled, out of order, different or torn', async () => {
    const half = (stream: Stream): number => stream.length >> 1;
    const lost = await verdictWith('scores', (stream) => stream.toSpliced(half(stream), 1));
    assert.ok(lost.lost > 0 && lost.different > 0 && lost.torn > 0);
    const doubled = await verdictWith('scores', (stream) => stream.toSpliced(half(stream), 0, stream[half(stream)]!));
    assert.ok(doubled.doubled > 0 && doubled.different > 0 && doubled.torn > 0);
    const swapped = await verdictWith('scores', (stream) => stream.toReversed());
    assert.ok(swapped.disordered > 0 && swapped.different > 0);
    const other = await verdictWith('readings', (stream) => stream.toSpliced(1, 1));
    assert.ok(other.different > 0);
  });

  it('sees a snapshot that is not the state at its position', async () => {
    const [name] = await storage.blobs.list('snapshots/scorer/0/');
    assert.ok(name);
    const bytes = Uint8Array.from((await storage.blobs.get(name))!);
    bytes[bytes.length - 1]! ^= 1;
    await storage.blobs.put(name, bytes);
    assert.equal((await judgeRun(load.acknowledged, copy, storage.blobs)).verdict.wrongStates, 1);
  });
});
