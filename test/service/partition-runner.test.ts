import assert from 'node:assert/strict';
import {
  DEFAULT_RUNNER_OPTIONS,
  PartitionRunner,
  type RunnerObserver,
  type RunnerOptions,
} from '../../mixins/stage-host/partition-runner.js';
import { Turns } from '../../mixins/stage-host/turns.js';
import { readChunkHeader } from '../../models/domain/chunk.js';
import { FrameBatch, FrameKind } from '../../models/domain/frame-batch.js';
import { OutcomeCode } from '../../models/domain/outcome.js';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import { FencedError, StorageFailedError } from '../../models/errors.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import type { Blobs } from '../../storage/blobs/blobs.js';
import type { Journal } from '../../storage/journal/journal.js';
import type { Storage } from '../../storage/storage.js';
import { systemClock } from '../../mixins/clock.js';
import { tallyStage, type Tally } from '../support/tally-stage.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const READINGS = { topic: 'readings', partition: 0 } as const;
const FRAMES = { topic: 'frames', partition: 0 } as const;
const LEASE = { stage: 'window', partition: 0 } as const;

const nobody: RunnerObserver<FrameBatch> = {
  committed: () => undefined,
  worked: () => undefined,
  snapshotTaken: () => Promise.resolve(),
  snapshotFailed: () => undefined,
  snapshotUnreadable: () => undefined,
  tookOver: () => Promise.resolve(),
};

type Runner = PartitionRunner<Tally, ReadingBatch, FrameBatch>;

describe('partition runner', () => {
  const folder = temporaryFolder();
  let storage: Storage;

  beforeEach(async () => {
    storage = await openEmbeddedStorage(folder());
  });
  afterEach(() => storage.close());

  async function post(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const batch = ReadingBatch.create();
      batch.addReading('default/a', i, ['x'], [i]);
      await storage.journal.append(READINGS, batch.encode());
    }
  }

  async function runner(
    options: Partial<RunnerOptions> = {},
    journal: Journal = storage.journal,
    blobs: Blobs = storage.blobs,
  ): Promise<Runner> {
    const lease = await storage.leases.acquire(LEASE, 'test');
    assert.ok(lease);
    const ports = { journal, blobs };
    return new PartitionRunner(
      tallyStage,
      lease,
      ports,
      systemClock,
      { ...DEFAULT_RUNNER_OPTIONS, ...options },
      nobody,
    );
  }

  /** Runs until the input is done, then stops it as SIGTERM would. */
  async function runOnce(options: Partial<RunnerOptions> = {}): Promise<void> {
    const one = await runner(options);
    const running = one.run();
    const { last } = await storage.journal.state(READINGS);
    await until('the input to be done', () => one.position >= last);
    one.stop();
    await running;
    await storage.leases.release(one.lease);
  }

  async function counts(): Promise<number[]> {
    const { first, last } = await storage.journal.state(FRAMES);
    const found: number[] = [];
    const reader = storage.journal.read(FRAMES, first);
    for (let next = first; next <= last;) {
      for (const record of await reader.next(100, 1e6, 1_000)) {
        found.push(...FrameBatch.decode(record.payload).values.view());
        next = record.sequence + 1;
      }
    }
    reader.close();
    return found;
  }

  it('answers every record once, over two owners', async () => {
    await post(3);
    await runOnce();
    await post(2);
    await runOnce();
    assert.deepEqual(await counts(), [1, 2, 3, 4, 5]);
  });

  it('replays what is committed but not in a snapshot, without saying it again', async () => {
    await post(3);
    await runOnce();
    for (const name of await storage.blobs.list('snapshots/')) await storage.blobs.delete(name);
    await post(1);
    await runOnce();
    assert.deepEqual(await counts(), [1, 2, 3, 4]);
  });

  it('replays each record at its own time, not at the time of the last commit', async () => {
    for (const receivedMs of [1_000, 2_000, 3_000, 4_000]) {
      const batch = ReadingBatch.create();
      batch.receivedMs = receivedMs;
      batch.addReading('default/a', receivedMs, ['x'], [1]);
      await storage.journal.append(READINGS, batch.encode());
    }
    await runOnce();
    const told: number[] = [];
    const stage = { ...tallyStage, advance: (_: Tally, timeMs: number) => void told.push(timeMs) };
    for (const name of await storage.blobs.list('snapshots/')) await storage.blobs.delete(name);
    const lease = await storage.leases.acquire(LEASE, 'test');
    const one = new PartitionRunner(stage, lease!, storage, systemClock, DEFAULT_RUNNER_OPTIONS, nobody);
    const running = one.run();
    await until('the replay', () => one.position >= 4);
    one.stop();
    await running;
    assert.deepEqual(told, [1_000, 2_000, 3_000, 4_000]);
  });

  it('goes back to an older snapshot when the newest is broken', async () => {
    await post(2);
    await runOnce();
    await post(2);
    await runOnce();
    const newest = (await storage.blobs.list('snapshots/')).at(-1);
    assert.ok(newest);
    await storage.blobs.put(newest, new Uint8Array(100));
    await post(1);
    await runOnce();
    assert.deepEqual(await counts(), [1, 2, 3, 4, 5]);
  });

  it('does not turn its position back when it is stopped while replaying', async () => {
    await post(600);
    await runOnce();
    for (const name of await storage.blobs.list('snapshots/')) await storage.blobs.delete(name);
    let stop = (): void => undefined;
    const journal = readingOn(storage.journal, () => stop());
    const stopped = await runner({}, journal);
    stop = () => stopped.stop();
    await stopped.run();
    assert.ok(stopped.position > 0 && stopped.position < 600);
    await storage.leases.release(stopped.lease);
    await runOnce();
    assert.deepEqual(
      await counts(),
      Array.from({ length: 600 }, (_, i) => i + 1),
    );
  });

  it('goes on when the log has no room for its ticks', async () => {
    const state = { ...tallyStage.createState(), wakeMs: Date.now() - 1 };
    const journal: Journal = {
      ...wrap(storage.journal, (append) => append()),
      append: (stream, payload, options) =>
        stream.topic === 'readings'
          ? Promise.reject(new StorageFailedError('the disk is full'))
          : storage.journal.append(stream, payload, options),
    };
    await post(2);
    const lease = await storage.leases.acquire(LEASE, 'test');
    const stage = { ...tallyStage, createState: () => state };
    const ports = { journal, blobs: storage.blobs };
    const one = new PartitionRunner(stage, lease!, ports, systemClock, DEFAULT_RUNNER_OPTIONS, nobody);
    const running = one.run();
    await until('the input to be done', () => one.position >= 2);
    await post(1);
    await until('the rest to be done', () => one.position >= 3);
    one.stop();
    await running;
  });

  it('goes on when a snapshot cannot be stored', async () => {
    const blobs: Blobs = {
      put: () => Promise.reject(new StorageFailedError('the disk is full')),
      get: (name) => storage.blobs.get(name),
      list: (prefix) => storage.blobs.list(prefix),
      delete: (name) => storage.blobs.delete(name),
    };
    const one = await runner({ snapshotEveryRecords: 1 }, storage.journal, blobs);
    const running = one.run();
    await post(3);
    await until('the input to be done', () => one.position >= 3);
    one.stop();
    await running;
    assert.deepEqual(await counts(), [1, 2, 3]);
  });

  it('takes snapshots as it goes, and keeps two', async () => {
    const one = await runner({ snapshotEveryRecords: 1 });
    const running = one.run();
    // Each device makes a snapshot dearer: twenty records for this one.
    for (let round = 1; round <= 4; round++) {
      await post(25);
      await until('a snapshot', () => one.snapshotPosition > (round - 1) * 25);
    }
    one.stop();
    await running;
    assert.equal((await storage.blobs.list('snapshots/window/0/')).length, 2);
  });

  it('leaves trimming to who comes next when it is stopped', async () => {
    const floors: number[] = [];
    const observer: RunnerObserver<FrameBatch> = {
      ...nobody,
      snapshotTaken: (_partition, _position, _bytes, _tookMs, replayFloor) => {
        floors.push(replayFloor);
        return Promise.resolve();
      },
    };
    for (let life = 0; life < 3; life++) {
      await post(2);
      const { last } = await storage.journal.state(READINGS);
      const lease = await storage.leases.acquire(LEASE, 'test');
      const one = new PartitionRunner(tallyStage, lease!, storage, systemClock, DEFAULT_RUNNER_OPTIONS, observer);
      const running = one.run();
      await until('the input to be done', () => one.position >= last);
      one.stop();
      await running;
      await storage.leases.release(lease!);
    }
    assert.deepEqual(floors, [0, 0, 0]);
  });

  it('forgets snapshots of a log that is gone', async () => {
    await storage.blobs.put('snapshots/window/0/0000000000000999', tallyStage.snapshot(tallyStage.createState()));
    await post(2);
    await runOnce();
    assert.deepEqual(await storage.blobs.list('snapshots/window/0/'), ['snapshots/window/0/0000000000000002']);
  });

  it('leaves the snapshots of later owners alone when it was paused while it took one', async () => {
    await post(2);
    let goOn = (): void => undefined;
    let isHeld = false;
    const paused = new Promise<void>((resolve) => (goOn = resolve));
    const blobs: Blobs = {
      put: async (name, bytes) => {
        isHeld = true;
        await paused;
        await storage.blobs.put(name, bytes);
      },
      get: (name) => storage.blobs.get(name),
      list: (prefix) => storage.blobs.list(prefix),
      delete: (name) => storage.blobs.delete(name),
    };
    // Of another process, so with turns of its own.
    const zombie = await runner({ snapshotTurns: new Turns() }, storage.journal, blobs);
    const dying = zombie.run();
    await until('the input to be done', () => zombie.position >= 2);
    zombie.stop();
    await until('a snapshot to be on its way', () => isHeld);
    await storage.leases.release(zombie.lease);
    for (let owner = 0; owner < 2; owner++) {
      await post(2);
      await runOnce();
    }
    goOn();
    await dying;
    assert.deepEqual(await storage.blobs.list('snapshots/window/0/'), [
      'snapshots/window/0/0000000000000004',
      'snapshots/window/0/0000000000000006',
    ]);
  });

  it('does not use a snapshot beyond what is committed', async () => {
    await post(2);
    await runOnce();
    await storage.blobs.put('snapshots/window/0/0000000000000009', tallyStage.snapshot(tallyStage.createState()));
    await post(1);
    await runOnce();
    assert.deepEqual(await counts(), [1, 2, 3]);
  });

  it('says so when the end of its input is lost, and does not wait for it', async () => {
    const beyond = FrameBatch.create().encode({ epoch: 0, from: 0, to: 9, timeMs: 0 });
    await storage.journal.append(FRAMES, beyond);
    await post(2);
    const one = await runner();
    await assert.rejects(one.run(), /results up to record 9 of readings\.0, but the log ends at 2/);
  });

  describe('results that are too large for one message', () => {
    const WIDE = Array.from({ length: 256 }, (_, c) => `c${c}`);
    /** Each reading makes 2.3 KB. */
    const wideStage: typeof tallyStage = {
      ...tallyStage,
      step(state, _batch, _i, out) {
        const count = (state.counts.get('a') ?? 0) + 1;
        state.counts.set('a', count);
        const start = out.add(FrameKind.frame, OutcomeCode.scored, 'default/a', count, 0, 0, 0, 'standard', WIDE);
        out.values.data.fill(count, start, start + WIDE.length);
      },
    };

    async function postChunk(readings: number): Promise<void> {
      const batch = ReadingBatch.create();
      for (let i = 0; i < readings; i++) batch.addReading('default/a', i, ['x'], [i]);
      await storage.journal.append(READINGS, batch.encode());
    }

    async function run(journal: Journal, isDone: (one: Runner) => boolean): Promise<void> {
      const lease = await storage.leases.acquire(LEASE, 'test');
      const ports = { journal, blobs: storage.blobs };
      const one = new PartitionRunner(wideStage, lease!, ports, systemClock, DEFAULT_RUNNER_OPTIONS, nobody);
      const running = one.run().finally(() => storage.leases.release(lease!));
      await Promise.race([running, until('the input to be done', () => isDone(one))]);
      one.stop();
      await running;
    }

    async function rows(): Promise<number[]> {
      const all = await counts();
      return all.filter((_, i) => i % WIDE.length === 0);
    }

    const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

    it('go in several, and the position with the last', async () => {
      await postChunk(1_000);
      await run(storage.journal, (one) => one.position === 1);
      const reader = storage.journal.read(FRAMES, 1);
      const records = await reader.next(100, 1e9, 1_000);
      reader.close();
      assert.ok(records.length > 3);
      assert.ok(records.every(({ payload }) => payload.length <= 900_000));
      assert.equal(readChunkHeader(records.at(-1)!.payload).to, 1);
      assert.deepEqual(await rows(), upTo(1_000));
    });

    it('are said once when their owner dies between two of them', async () => {
      await postChunk(1_000);
      await postChunk(300);
      let appends = 0;
      const dying = wrap(storage.journal, (append) =>
        ++appends > 3 ? Promise.reject(new StorageFailedError('dead')) : append(),
      );
      await assert.rejects(
        run(dying, (one) => one.position === 2),
        /dead/,
      );
      const said = await rows();
      assert.ok(said.length > 0 && said.length < 1_000);
      await run(storage.journal, (one) => one.position === 2);
      assert.deepEqual(await rows(), upTo(1_300));
    });

    it('are said once when the next owner reads less at a time', async () => {
      for (let i = 0; i < 5; i++) await postChunk(200);
      let appends = 0;
      const dying = wrap(storage.journal, (append) =>
        ++appends > 3 ? Promise.reject(new StorageFailedError('dead')) : append(),
      );
      await assert.rejects(
        run(dying, (one) => one.position === 5),
        /dead/,
      );
      assert.ok((await rows()).length > 200);
      const slowly: Journal = {
        ...wrap(storage.journal, (append) => append()),
        read(stream, sequence) {
          const reader = storage.journal.read(stream, sequence);
          return { next: (_records, bytes, ms) => reader.next(1, bytes, ms), close: () => reader.close() };
        },
      };
      await run(slowly, (one) => one.position === 5);
      assert.deepEqual(await rows(), upTo(1_000));
    });
  });

  it('commits its position with its results', async () => {
    await post(4);
    await runOnce();
    const last = await storage.journal.lastRecord(FRAMES);
    assert.ok(last);
    assert.equal(readChunkHeader(last.payload).to, 4);
  });

  it('refuses an owner that was overtaken', async () => {
    const zombie = await runner();
    const dying = zombie.run();
    await until('the first to take over', async () => (await storage.journal.state(FRAMES)).last === 1);
    await storage.leases.release(zombie.lease);
    await runOnce();
    const fenced = assert.rejects(dying, FencedError);
    await post(1);
    await fenced;
    await runOnce();
    assert.deepEqual(await counts(), [1]);
  });

  it('control: without the fence an overtaken owner doubles', async () => {
    const zombie = await runner({ isFenced: false });
    const dying = zombie.run();
    await until('the first to take over', async () => (await storage.journal.state(FRAMES)).last === 1);
    await storage.leases.release(zombie.lease);
    const second = await runner({ isFenced: false });
    const running = second.run();
    await post(1);
    await until('both to answer', async () => (await counts()).length === 2);
    zombie.stop();
    second.stop();
    await Promise.all([dying, running]);
    assert.deepEqual(await counts(), [1, 1]);
  });

  it('adopts its own commit when the answer got lost', async () => {
    let isFirst = true;
    const journal = wrap(storage.journal, async (append) => {
      const sequence = await append();
      if (sequence === 2 && isFirst) {
        isFirst = false;
        throw new FencedError('the append had landed, but a retry below us said otherwise');
      }
      return sequence;
    });
    await post(1);
    const one = await runner({}, journal);
    const running = one.run();
    await until('the input to be done', () => one.position >= 1);
    await post(1);
    await until('the rest to be done', () => one.position >= 2);
    one.stop();
    await running;
    assert.deepEqual(await counts(), [1, 2]);
  });

  it('sends itself a tick when its state waits for time to pass', async () => {
    const state = { ...tallyStage.createState(), wakeMs: Date.now() + 50 };
    const lease = await storage.leases.acquire(LEASE, 'test');
    assert.ok(lease);
    const stage = { ...tallyStage, createState: () => state };
    const one = new PartitionRunner(stage, lease, storage, systemClock, DEFAULT_RUNNER_OPTIONS, nobody);
    const running = one.run();
    await until('the tick', async () => (await storage.journal.state(READINGS)).last === 1);
    await until('the deadline to pass', () => state.wakeMs === Infinity);
    one.stop();
    await running;
    const last = await storage.journal.lastRecord(FRAMES);
    assert.ok(last);
    assert.equal(FrameBatch.decode(last.payload).length, 1);
  });
});

function wrap(journal: Journal, around: (append: () => Promise<number>) => Promise<number>): Journal {
  return {
    durability: journal.durability,
    append: (stream, payload, options) =>
      stream.topic === 'frames'
        ? around(() => journal.append(stream, payload, options))
        : journal.append(stream, payload, options),
    read: (stream, sequence) => journal.read(stream, sequence),
    state: (stream) => journal.state(stream),
    lastRecord: (stream) => journal.lastRecord(stream),
    trim: (stream, sequence) => journal.trim(stream, sequence),
    close: () => journal.close(),
  };
}

/** Tells when records have been read. */
function readingOn(journal: Journal, afterRead: () => void): Journal {
  return {
    ...wrap(journal, (append) => append()),
    read(stream, sequence) {
      const reader = journal.read(stream, sequence);
      return {
        next: async (...limits) => {
          const records = await reader.next(...limits);
          afterRead();
          return records;
        },
        close: () => reader.close(),
      };
    },
  };
}
