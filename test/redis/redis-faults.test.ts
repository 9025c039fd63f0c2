import assert from 'node:assert/strict';
import { Projection, type ProjectionTarget } from '../../mixins/stage-host/projection.js';
import { ScoreBatch } from '../../models/domain/score-batch.js';
import { StorageFailedError } from '../../models/errors.js';
import type { RedisReadSide } from '../../storage/read-side/redis-read-side.js';
import { chunkAt, RedisFixture, upTo } from '../support/redis-fixture.js';
import { needsRedis, RedisServer } from '../support/redis-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const STREAM = { topic: 'scores', partition: 0 } as const;
/** Longest time that anything may take to fail, in ms: the command timeout of the fixture, twice. */
const FAILS_WITHIN_MS = 2_000;

describe('a Redis that comes and goes', function () {
  needsRedis(this);
  this.timeout(60_000);
  const folder = temporaryFolder();
  let server: RedisServer;
  let fixture: RedisFixture;
  let readSide: RedisReadSide;
  let projection: Projection<ScoreBatch>;
  let failures: number;

  beforeEach(async () => {
    server = await RedisServer.start();
    fixture = new RedisFixture(folder());
    readSide = await fixture.readSide(server);
    failures = 0;
    const target: ProjectionTarget<ScoreBatch> = {
      topic: 'scores',
      position: (partition) => readSide.position('scores', partition),
      write: (partition, sequence, batch, after) => readSide.writeScores(partition, sequence, batch, after),
      forget: () => readSide.forget(),
      decode: (bytes) => ScoreBatch.decode(bytes),
    };
    projection = new Projection(target, fixture.journal, 0, () => failures++, { checkEveryMs: 100 });
  });
  afterEach(async () => {
    server.resume();
    await projection.stop();
    await fixture.close();
    await server.stop();
  });

  /** As a stage does: into the log, then to the projection, then the batch is used again. */
  async function commit(timeMs: number): Promise<void> {
    const batch = chunkAt([timeMs]);
    const sequence = await fixture.journal.append(STREAM, batch.encode({ epoch: 1, from: 0, to: 0, timeMs }));
    projection.show(sequence, batch);
    batch.clear();
  }

  /** All rows up to `count`, each once, by the counter and by the rows. */
  async function untilWhole(count: number): Promise<void> {
    await until(`position ${count}`, async () => {
      const position = await readSide.position('scores', 0).catch(() => -1);
      return position === count;
    });
    assert.equal((await readSide.device('default', 'pump'))?.outcomes.scored, count);
    const { batch } = await readSide.scores('default', 'pump', { fromMs: 0, limit: 10_000 });
    assert.deepEqual([...batch.timeMs.view()], upTo(1, count + 1));
  }

  async function failsFast(work: () => Promise<unknown>): Promise<void> {
    const startedMs = performance.now();
    await assert.rejects(work(), StorageFailedError);
    assert.ok(performance.now() - startedMs < FAILS_WITHIN_MS);
  }

  it('is filled again when it is flushed while nothing is written', async () => {
    for (let n = 1; n <= 300; n++) await commit(n);
    await untilWhole(300);
    server.cli('flushall');
    await untilWhole(300);
    assert.equal(failures, 1);
  });

  it('is filled again when it is flushed at any moment of writing', async () => {
    for (let n = 1; n <= 200; n++) {
      await commit(n);
      if (n % 40 === 0) server.cli('flushall');
    }
    await untilWhole(200);
  });

  it('is filled again when it comes back empty', async () => {
    for (let n = 1; n <= 20; n++) await commit(n);
    await untilWhole(20);
    await server.restart();
    await untilWhole(20);
  });

  it('is filled up when it comes back as it was some time ago', async () => {
    for (let n = 1; n <= 20; n++) await commit(n);
    await untilWhole(20);
    server.cli('save');
    for (let n = 21; n <= 40; n++) await commit(n);
    await untilWhole(40);
    await server.restart();
    await untilWhole(40);
  });

  it('is filled again when one of several partitions lost its data alone', async () => {
    for (let n = 1; n <= 20; n++) await commit(n);
    await untilWhole(20);
    server.cli('del', 'redshank:{redshank:0}:scores');
    await untilWhole(20);
  });

  it('is filled again when what it has is of another log, that went further', async () => {
    for (let n = 1; n <= 5; n++) await readSide.writeScores(0, n * 10, chunkAt([n * 1_000]));
    for (let n = 1; n <= 20; n++) await commit(n);
    await untilWhole(20);
  });

  it('is filled again when it is replaced, while it runs, by one of a log that went further', async () => {
    for (let n = 1; n <= 20; n++) await commit(n);
    await untilWhole(20);
    const other = await fixture.readSide(server);
    for (let n = 3; n <= 5; n++) await other.writeScores(0, n * 10, chunkAt([n * 1_000]));
    await untilWhole(20);
    for (let n = 21; n <= 25; n++) await commit(n);
    await untilWhole(25);
  });

  it('lets everything fail at once while it is away, and is filled when it is back', async () => {
    await commit(1);
    await untilWhole(1);
    await server.kill9();
    for (let n = 2; n <= 100; n++) await commit(n);
    await until('a failure', () => failures > 0);
    await failsFast(() => readSide.writeScores(0, 200, chunkAt([200])));
    await failsFast(() => readSide.device('default', 'pump'));
    await failsFast(() => readSide.position('scores', 0));
    await failsFast(() => readSide.put('job', 'default', 'k', Uint8Array.of(1), 1_000, 0));
    await server.restart();
    await untilWhole(100);
  });

  it('lets everything fail in bounded time while it hangs', async () => {
    await commit(1);
    await untilWhole(1);
    server.pause();
    await commit(2);
    await failsFast(() => readSide.device('default', 'pump'));
    await until('a failure', () => failures > 0);
    server.resume();
    await untilWhole(2);
  });

  it('need not be there when a process starts', async () => {
    await server.kill9();
    const late = await fixture.readSide(server);
    await failsFast(() => late.position('scores', 0));
    await server.restart();
    await until('a connection', async () => (await late.position('scores', 0).catch(() => -1)) === 0);
    await late.writeScores(0, 1, chunkAt([1]));
  });

  it('holds back nothing but what fits, while it is away or slow', async () => {
    server.pause();
    const writes = upTo(1, 2_000).map((n) => readSide.writeScores(0, n, chunkAt([n]), n - 1));
    const outcomes = await Promise.allSettled(writes);
    assert.ok(outcomes.every(({ status }) => status === 'rejected'));
    assert.equal(readSide.unflushedRows, 0);
  });

  it('is emptied and filled again when told to forget', async () => {
    for (let n = 1; n <= 20; n++) await commit(n);
    await untilWhole(20);
    const other = await fixture.readSide(server);
    await other.forget();
    await untilWhole(20);
    assert.equal(failures, 1);
  });
});
