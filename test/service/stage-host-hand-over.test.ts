import assert from 'node:assert/strict';
import pino from 'pino';
import { Registry } from 'prom-client';
import { systemClock } from '../../mixins/clock.js';
import { DEFAULT_RUNNER_OPTIONS } from '../../mixins/stage-host/partition-runner.js';
import { StageHost } from '../../mixins/stage-host/stage-host.js';
import { createStageMetrics } from '../../mixins/stage-host/stage-metrics.js';
import { FrameBatch } from '../../models/domain/frame-batch.js';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import { NotOwnerError } from '../../models/errors.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import type { Journal } from '../../storage/journal/journal.js';
import type { Storage } from '../../storage/storage.js';
import { tallyStage, type Tally } from '../support/tally-stage.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const PARTITIONS = 6;
const ASIDE_MS = 1_000;
type Host = StageHost<Tally, ReadingBatch, FrameBatch>;

/** A journal of which nothing can be read for as long as `isBroken`. */
function failing(journal: Journal, isBroken: () => boolean): Journal {
  return new Proxy(journal, {
    get(target, name) {
      if (name === 'read' && isBroken()) {
        return () => {
          throw new Error('cannot read');
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** Replicas of one stage that share a log and a table of leases, and know of each other. */
describe('stage hosts that share partitions', () => {
  const folder = temporaryFolder();
  let storage: Storage;
  const hosts = new Map<string, Host>();
  beforeEach(async () => {
    storage = await openEmbeddedStorage(folder());
  });
  afterEach(async () => {
    await Promise.all([...hosts.values()].map((host) => host.stop()));
    hosts.clear();
    await storage.close();
  });

  /** @param own what the replica sees of the storage, if not what everybody sees. */
  function join(holder: string, own = storage, firstAsideMs = ASIDE_MS): Host {
    const host: Host = new StageHost({
      stage: tallyStage,
      partitions: PARTITIONS,
      storage: own,
      clock: systemClock,
      holder,
      logger: pino({ level: 'silent' }),
      metrics: createStageMetrics(new Registry()),
      runner: DEFAULT_RUNNER_OPTIONS,
      projection: undefined,
      trimmable: (_topic, _partition, done) => Promise.resolve(done),
      onCommitted: undefined,
      members: () => [...hosts.keys()],
      askFor: (other, partition) => hosts.get(other)!.giveUp(partition, holder),
      onStandAside: (forMs) => {
        for (const other of hosts.values()) if (other !== host) other.memberLeaves(holder, forMs);
        return Promise.resolve();
      },
      firstAsideMs,
    });
    hosts.set(holder, host);
    host.start();
    for (const other of hosts.values()) other.membersChanged();
    return host;
  }

  async function leave(holder: string): Promise<void> {
    const leaver = hosts.get(holder)!;
    for (const host of hosts.values()) if (host !== leaver) host.memberLeaves(holder);
    await leaver.stop();
    hosts.delete(holder);
  }

  const owned = async (host: Host): Promise<number[]> =>
    (await host.status()).filter(({ isOwned }) => isOwned).map(({ partition }) => partition);
  const untilShared = (...shares: number[]) =>
    until(`shares of ${shares.join(', ')}`, async () => {
      const counts = await Promise.all([...hosts.values()].map(async (host) => (await owned(host)).length));
      return counts.join() === shares.join() && [...hosts.values()].every((host) => host.notReady() === undefined);
    });

  async function post(count: number, from: number): Promise<void> {
    for (let i = from; i < from + count; i++) {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const batch = ReadingBatch.create();
        batch.addReading(`default/${partition}`, i, ['x'], [i]);
        await storage.journal.append({ topic: 'readings', partition }, batch.encode());
      }
    }
  }

  /** What each partition has answered: the tally of its only device, in order. */
  async function answers(partition: number): Promise<number[]> {
    const stream = { topic: 'frames', partition } as const;
    const { last } = await storage.journal.state(stream);
    const reader = storage.journal.read(stream, 1);
    const seen: number[] = [];
    for (let at = 0; at < last;) {
      for (const record of await reader.next(100, 1_000_000, 100)) {
        seen.push(...FrameBatch.decode(record.payload).values.view());
        at = record.sequence;
      }
    }
    reader.close();
    return seen;
  }

  it('share them evenly, and keep doing so as replicas come and go', async () => {
    join('a');
    await untilShared(6);
    join('b');
    await untilShared(3, 3);
    join('c');
    await untilShared(2, 2, 2);
    await leave('b');
    await untilShared(3, 3);
  });

  it('answer every reading once and in order while partitions move', async () => {
    join('a');
    await untilShared(6);
    const posting = post(60, 0);
    join('b');
    await untilShared(3, 3);
    await leave('a');
    await posting;
    await until('all answers', async () => {
      const counts = await Promise.all(Array.from({ length: PARTITIONS }, async (_, p) => (await answers(p)).length));
      return counts.every((count) => count >= 60);
    });
    for (let partition = 0; partition < PARTITIONS; partition++) {
      assert.deepEqual(
        await answers(partition),
        Array.from({ length: 60 }, (_, i) => i + 1),
      );
    }
  });

  it('leave the share of one on which nothing runs to the others, until it is mended', async () => {
    let isBroken = true;
    const journal = failing(storage.journal, () => isBroken);
    join('a');
    const b = join('b', { ...storage, journal });
    await until('b to stand aside', () => /stands aside.*cannot read/.test(b.notReady() ?? ''));
    await until('a to run all', async () => (await owned(hosts.get('a')!)).length === PARTITIONS);
    isBroken = false;
    await untilShared(3, 3);
  });

  it('know of one that stands aside also when they join later', async () => {
    const journal = failing(storage.journal, () => true);
    join('a');
    const b = join('b', { ...storage, journal }, 60_000);
    await until('b to stand aside', () => /stands aside/.test(b.notReady() ?? ''));
    const c = join('c');
    await until('a and c to share', async () => (await owned(c)).length === 3 && c.notReady() === undefined);
    assert.equal((await owned(hosts.get('a')!)).length, 3);
    assert.match(b.notReady() ?? '', /stands aside/);
  });

  it('keep trying when they are alone', async () => {
    let isBroken = true;
    const a = join('a', { ...storage, journal: failing(storage.journal, () => isBroken) });
    await until('failures', () => /cannot read/.test(a.notReady() ?? ''));
    isBroken = false;
    await untilShared(6);
  });

  it('do not give up what the other should not have', async () => {
    const a = join('a');
    await untilShared(6);
    assert.equal(await a.giveUp(0, 'stranger'), false);
    assert.equal((await owned(a)).length, 6);
  });

  it('say who runs a partition that they do not run', async () => {
    const a = join('a');
    await untilShared(6);
    const b = join('b');
    await untilShared(3, 3);
    const [partition] = await owned(a);
    assert.equal(
      a.inspect(partition!, ({ counts }) => counts.size),
      0,
    );
    assert.throws(
      () => b.inspect(partition!, () => 0),
      (error: unknown) => error instanceof NotOwnerError && error.data['owner'] === 'a',
    );
  });
});
