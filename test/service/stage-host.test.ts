import assert from 'node:assert/strict';
import pino from 'pino';
import { Registry } from 'prom-client';
import { systemClock } from '../../mixins/clock.js';
import { DEFAULT_RUNNER_OPTIONS, type RunnerOptions } from '../../mixins/stage-host/partition-runner.js';
import type { ProjectionTarget } from '../../mixins/stage-host/projection.js';
import { StageHost } from '../../mixins/stage-host/stage-host.js';
import { createStageMetrics } from '../../mixins/stage-host/stage-metrics.js';
import { FrameBatch } from '../../models/domain/frame-batch.js';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import { StorageFailedError } from '../../models/errors.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import type { Leases } from '../../storage/leases/leases.js';
import type { Storage } from '../../storage/storage.js';
import { tallyStage, type Tally } from '../support/tally-stage.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const PARTITIONS = 3;
const READINGS = { topic: 'readings', partition: 1 } as const;
const FRAMES = { topic: 'frames', partition: 1 } as const;

describe('stage host', () => {
  const folder = temporaryFolder();
  let storage: Storage;
  beforeEach(async () => {
    storage = await openEmbeddedStorage(folder());
  });
  afterEach(() => storage.close());

  type Host = StageHost<Tally, ReadingBatch, FrameBatch>;

  function host(
    runner: Partial<RunnerOptions> = {},
    floor = Infinity,
    logger = pino({ level: 'silent' }),
    leases = storage.leases,
    projection?: ProjectionTarget<FrameBatch>,
  ): Host {
    return new StageHost({
      stage: tallyStage,
      partitions: PARTITIONS,
      storage: { ...storage, leases },
      clock: systemClock,
      holder: 'test',
      logger,
      metrics: createStageMetrics(new Registry()),
      runner: { ...DEFAULT_RUNNER_OPTIONS, ...runner },
      projection,
      trimmable: (_topic, _partition, done) => Promise.resolve(Math.min(done, floor)),
      onCommitted: undefined,
    });
  }

  async function post(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const batch = ReadingBatch.create();
      batch.addReading('default/a', i, ['x'], [i]);
      await storage.journal.append(READINGS, batch.encode());
    }
  }

  const untilReady = (one: Host) => until('the host to be ready', () => one.notReady() === undefined);
  const untilDone = (one: Host) => until('no lag', async () => (await one.status()).every(({ lag }) => lag === 0));

  it('is ready once it has taken over every partition', async () => {
    const one = host();
    assert.match(one.notReady() ?? '', /has yet to take over 3 partition/);
    one.start();
    await untilReady(one);
    const status = await one.status();
    assert.deepEqual(
      status.map(({ partition, isOwned }) => [partition, isOwned]),
      [
        [0, true],
        [1, true],
        [2, true],
      ],
    );
    await one.stop();
  });

  it('tells in one line of all that it took over', async () => {
    const lines: string[] = [];
    const one = host({}, Infinity, pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }));
    one.start();
    await untilReady(one);
    await one.stop();
    const [told, ...rest] = lines.filter((line) => line.includes('took over'));
    assert.deepEqual(rest, []);
    assert.match(told ?? '', /"stage":"window","partitions":3,"replayedRecords":0,"slowestMs":\d+/);
  });

  it('gives its leases back when it stops, so that the next one starts at once', async () => {
    const first = host();
    first.start();
    await untilReady(first);
    await first.stop();
    const second = host();
    second.start();
    await untilReady(second);
    await second.stop();
  });

  it('steps down when somebody else has written, and takes over anew', async () => {
    const one = host();
    one.start();
    await untilReady(one);
    const [before] = (await one.status()).filter(({ partition }) => partition === 1);
    // Somebody with a higher epoch, who did nothing yet.
    await storage.journal.append(
      FRAMES,
      FrameBatch.create().encode({ epoch: before!.epoch, from: 0, to: 0, timeMs: 0 }),
    );
    await post(2);
    await untilDone(one);
    const [after] = (await one.status()).filter(({ partition }) => partition === 1);
    assert.ok(after!.epoch > before!.epoch);
    await one.stop();
    const last = await storage.journal.lastRecord(FRAMES);
    assert.deepEqual([...FrameBatch.decode(last!.payload).values.view()].slice(-1), [2]);
  });

  it('says why a partition does not run, and goes on when the reason is gone', async () => {
    await storage.journal.append(FRAMES, new Uint8Array(5));
    const one = host();
    one.start();
    await until('a failure', () => /partition 1: a chunk has at least/.test(one.notReady() ?? ''));
    await one.stop();
  });

  it('trims what no replay needs, and never what another reader still needs', async () => {
    const eager = { snapshotEveryRecords: 1 };
    const one = host(eager, 30);
    one.start();
    for (let round = 1; round <= 4; round++) {
      await post(25);
      await untilDone(one);
      await until(
        'a snapshot',
        async () => (await storage.blobs.list('snapshots/window/1/')).length >= Math.min(round, 2),
      );
    }
    await until('a trim', async () => (await storage.journal.state(READINGS)).first > 1);
    await one.stop();
    assert.equal((await storage.journal.state(READINGS)).first, 31);
  });

  for (const isAnnounced of [false, true]) {
    it(`${isAnnounced ? 'does not warn' : 'warns'} of a read side that went back ${isAnnounced ? 'as announced' : 'by itself'}`, async () => {
      const lines: string[] = [];
      let refused = 0;
      const forgetful: ProjectionTarget<FrameBatch> = {
        topic: 'frames',
        position: () => Promise.resolve(0),
        write: () => {
          refused++;
          return Promise.reject(new StorageFailedError('it went back'));
        },
        forget: () => Promise.resolve(),
        decode: (bytes) => FrameBatch.decode(bytes),
      };
      const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
      const one = host({}, Infinity, logger, storage.leases, forgetful);
      one.start();
      await untilReady(one);
      if (isAnnounced) one.expectForgetting();
      await post(1);
      await until('a refusal', () => refused > 0);
      await one.stop();
      assert.equal(lines.filter((line) => line.includes('read side is behind')).length, isAnnounced ? 0 : 1);
    });
  }

  /** The leases of the folder, of which one method does not work, and where the log lines go. */
  function broken(failing: 'acquire' | 'renew') {
    const lines: string[] = [];
    let failures = 0;
    const fail = (): Promise<never> => {
      failures++;
      return Promise.reject(new StorageFailedError('the connection is lost'));
    };
    const leases: Leases = {
      acquire: (id, holder) => storage.leases.acquire(id, holder),
      release: (lease) => storage.leases.release(lease),
      holder: (id) => storage.leases.holder(id),
      holders: (stage) => storage.leases.holders(stage),
      onChange: (listener) => storage.leases.onChange(listener),
      close: () => Promise.resolve(),
      ttlMs: 150,
      renew: (lease) => storage.leases.renew(lease),
      [failing]: fail,
    };
    const one = host({}, Infinity, pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }), leases);
    return { one, lines, failures: () => failures };
  }

  for (const [failing, told] of [
    ['renew', 'lease was not renewed'],
    ['acquire', 'partition failed, trying again'],
  ] as const) {
    it(`tells once of storage that is away, for as long as that lasts: ${told}`, async () => {
      const { one, lines, failures } = broken(failing);
      one.start();
      await until('many failures', () => failures() >= 3 * PARTITIONS);
      await one.stop();
      assert.equal(lines.filter((line) => line.includes(told)).length, 1);
    });
  }
});
