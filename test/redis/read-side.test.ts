import assert from 'node:assert/strict';
import { AlertBatch, type Alert } from '../../models/domain/alert.js';
import { deviceKey } from '../../models/domain/identity.js';
import { partitionOf } from '../../models/routing/partition.js';
import { SettingInvalidError, StorageFailedError } from '../../models/errors.js';
import type { Journal } from '../../storage/journal/journal.js';
import { LogHistory } from '../../storage/read-side/log-history.js';
import type { ScoreQuery } from '../../storage/read-side/read-side.js';
import { RedisReadSide } from '../../storage/read-side/redis-read-side.js';
import { withLog } from '../support/logged-read-side.js';
import { chunkAt, RedisFixture, upTo } from '../support/redis-fixture.js';
import { needsRedis, RedisServer } from '../support/redis-server.js';
import { sampleAlert } from '../support/sample-records.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('the read side in Redis', function () {
  needsRedis(this);
  const folder = temporaryFolder();
  let server: RedisServer;
  let fixture: RedisFixture;

  before(async () => {
    server = await RedisServer.start();
  });
  after(() => server.stop());
  beforeEach(() => (fixture = new RedisFixture(folder())));
  afterEach(async () => {
    await fixture.close();
    server.cli('flushall');
  });

  async function pages(readSide: RedisReadSide, query: ScoreQuery): Promise<number[][]> {
    const found: number[][] = [];
    let cursor: string | undefined;
    do {
      const page = await readSide.scores('default', 'pump', cursor === undefined ? query : { ...query, cursor });
      found.push([...page.batch.timeMs.view()]);
      cursor = page.next;
    } while (cursor !== undefined);
    return found;
  }

  const scoredCount = async (readSide: RedisReadSide): Promise<number | undefined> =>
    (await readSide.device('default', 'pump'))?.outcomes.scored;

  describe('with two writers', () => {
    it('ignores what a late one writes again', async () => {
      const [owner, zombie] = [await fixture.readSide(server), await fixture.readSide(server)];
      await zombie.writeScores(0, 1, chunkAt([1]), 0);
      await owner.writeScores(0, 2, chunkAt([2]), 1);
      await owner.writeScores(0, 3, chunkAt([3]), 2);
      assert.equal(await zombie.writeScores(0, 2, chunkAt([2]), 1), 3);
      assert.equal(await scoredCount(owner), 3);
    });

    it('is the same whoever writes, when they take turns', async () => {
      const writers = [await fixture.readSide(server), await fixture.readSide(server)];
      for (let n = 1; n <= 10; n++) await writers[n % 2]!.writeScores(0, n, chunkAt([n]), n - 1);
      assert.equal(await scoredCount(writers[0]!), 10);
      assert.deepEqual(await pages(writers[1]!, { fromMs: 0, limit: 100 }), [upTo(1, 11)]);
    });

    it('is the same when both write all of it at once', async () => {
      const writers = [await fixture.readSide(server), await fixture.readSide(server)];
      const deliver = async (readSide: RedisReadSide): Promise<void> => {
        for (let n = 1; n <= 50; n++) {
          // One that lost a race goes on from where Redis is, as a projection does.
          const position = await readSide.position('scores', 0);
          if (position < n) await readSide.writeScores(0, n, chunkAt([n]), n - 1);
        }
      };
      await Promise.all(writers.map(deliver));
      assert.equal(await scoredCount(writers[0]!), 50);
      assert.deepEqual(await pages(writers[1]!, { fromMs: 0, limit: 100 }), [upTo(1, 51)]);
    });

    it('does not let one go on with a summary that the other saw forgotten', async () => {
      const [one, other] = [await fixture.readSide(server), await fixture.readSide(server)];
      await one.writeScores(0, 1, chunkAt([1]), 0);
      await other.expire(100);
      await one.writeScores(0, 2, chunkAt([200]), 1);
      assert.equal(await scoredCount(other), 1);
      assert.equal((await other.devices('default', { limit: 10 })).items.length, 1);
    });
  });

  it('refuses chunks in flight after one that was refused', async () => {
    const readSide = await fixture.readSide(server);
    await readSide.writeScores(0, 5, chunkAt([5]));
    server.cli('flushall');
    const writes = [6, 7, 8].map((n) => readSide.writeScores(0, n, chunkAt([n]), n - 1));
    for (const write of writes) await assert.rejects(write, StorageFailedError);
    assert.equal(await readSide.position('scores', 0), 0);
  });

  describe('rows', () => {
    it('keeps the latest, and reads older ones from the log', async () => {
      const readSide = withLog(await fixture.readSide(server, { recentRows: 16 }), fixture.journal);
      for (let n = 0; n < 30; n++) await readSide.writeScores(0, n + 1, chunkAt(upTo(n * 4, n * 4 + 4)));
      const rows = Number(server.cli('llen', server.cli('--scan', '--pattern', '*rows*').trim()));
      assert.ok(rows * 4 >= 16 && rows * 4 <= 24, String(rows));
      assert.deepEqual((await pages(readSide, { fromMs: 0, limit: 7 })).flat(), upTo(0, 120));
      assert.deepEqual(await pages(readSide, { limit: 50 }), [upTo(70, 120)]);
      assert.deepEqual(await pages(readSide, { toMs: 30, limit: 5 }), [upTo(26, 31)]);
    });

    it('reads nothing from the log of a device before it was forgotten', async () => {
      const readSide = withLog(await fixture.readSide(server, { recentRows: 16 }), fixture.journal);
      for (let n = 0; n < 30; n++) await readSide.writeScores(0, n + 1, chunkAt(upTo(n * 4, n * 4 + 4)));
      const batch = chunkAt([120, 121]);
      batch.addCommand('default/pump', 0, 0, JSON.stringify({ type: 'device.forget', by: 'ops' }));
      batch.copyFrom(chunkAt([50]), 0);
      await readSide.writeScores(0, 31, batch);
      for (let n = 31; n < 60; n++) await readSide.writeScores(0, n + 1, chunkAt(upTo(n * 4, n * 4 + 4)));
      assert.deepEqual((await pages(readSide, { fromMs: 0, limit: 7 })).flat(), [50, ...upTo(124, 240)]);
      assert.deepEqual(await pages(readSide, { limit: 1_000 }), [[50, ...upTo(124, 240)]]);
      const cursor = (await readSide.scores('default', 'pump', { fromMs: 0, limit: 7 })).next!;
      const again = chunkAt([400]);
      again.addCommand('default/pump', 0, 0, JSON.stringify({ type: 'device.forget', by: 'ops' }));
      again.copyFrom(chunkAt([401]), 0);
      await readSide.writeScores(0, 61, again);
      const page = await readSide.scores('default', 'pump', { fromMs: 0, limit: 7, cursor });
      assert.ok([...page.batch.timeMs.view()].every((timeMs) => timeMs === 401));
    });

    it('keeps no more of them when many chunks come at once', async () => {
      const readSide = await fixture.readSide(server, { recentRows: 16 });
      const writes = upTo(0, 60).map((n) => readSide.writeScores(0, n + 1, chunkAt(upTo(n * 4, n * 4 + 4)), n));
      await Promise.all(writes);
      assert.equal(Number(server.cli('llen', server.cli('--scan', '--pattern', '*rows*').trim())), 4);
      assert.deepEqual(await pages(readSide, { limit: 16 }), [upTo(224, 240)]);
    });

    it('shows each once while they go from Redis to the log', async () => {
      const readSide = withLog(await fixture.readSide(server, { recentRows: 16 }), fixture.journal);
      await readSide.writeScores(0, 1, chunkAt(upTo(0, 40)));
      const first = await readSide.scores('default', 'pump', { fromMs: 0, limit: 30 });
      for (let n = 0; n < 10; n++) await readSide.writeScores(0, n + 2, chunkAt(upTo(100 + n * 9, 109 + n * 9)));
      const found = [...first.batch.timeMs.view()];
      for (let cursor = first.next; cursor !== undefined;) {
        const page = await readSide.scores('default', 'pump', { fromMs: 0, limit: 30, cursor });
        found.push(...page.batch.timeMs.view());
        cursor = page.next;
      }
      assert.deepEqual(found, [...upTo(0, 40), ...upTo(100, 190)]);
    });

    it('goes on in a long log page by page, each row once', async () => {
      const readSide = withLog(
        await fixture.readSide(server, { recentRows: 16, log: { maxChunks: 7 } }),
        fixture.journal,
      );
      for (let n = 0; n < 40; n++) await readSide.writeScores(0, n + 1, chunkAt([n, 1_000 + n]));
      const found = (await pages(readSide, { fromMs: 0, limit: 5 })).flat();
      assert.equal(found.length, 80);
      assert.deepEqual(
        [...found].sort((a, b) => a - b),
        [...upTo(0, 40), ...upTo(1_000, 1_040)],
      );
    });

    it('keeps them when a device has more kinds of rows than fit', async () => {
      const readSide = withLog(await fixture.readSide(server), fixture.journal);
      for (let n = 0; n < 100; n++)
        await readSide.writeScores(0, n + 1, chunkAt([n], 'default/pump', [`channel-${n}`]));
      const { batch } = await readSide.scores('default', 'pump', { fromMs: 0, limit: 1_000 });
      assert.deepEqual([...batch.timeMs.view()], upTo(0, 100));
      assert.deepEqual(batch.channels(3), ['channel-3']);
      assert.deepEqual(batch.channels(99), ['channel-99']);
    });

    it('reads from the log what Redis has thrown away', async () => {
      const readSide = withLog(await fixture.readSide(server), fixture.journal);
      await readSide.writeScores(0, 1, chunkAt([1, 2]));
      server.cli('del', server.cli('--scan', '--pattern', '*rows*').trim());
      assert.deepEqual(await pages(readSide, { fromMs: 0, limit: 10 }), [[1, 2]]);
      await readSide.writeScores(0, 2, chunkAt([3]));
      assert.deepEqual(await pages(readSide, { fromMs: 0, limit: 10 }), [[1, 2, 3]]);
    });

    it('shows the latest while the log does not answer, and says that older ones are missing', async () => {
      const away = { state: () => Promise.reject(new StorageFailedError('the log is away')) } as unknown as Journal;
      const readSide = await fixture.readSide(server, { history: new LogHistory(away), recentRows: 16 });
      for (let n = 0; n < 40; n++) await readSide.writeScores(0, n + 1, chunkAt([n]));
      const { batch, isOlderUnread } = await readSide.scores('default', 'pump', { limit: 1_000 });
      assert.deepEqual([...batch.timeMs.view()].slice(-16), upTo(24, 40));
      assert.equal(isOlderUnread, true);
      assert.equal((await readSide.scores('default', 'pump', { limit: 16 })).isOlderUnread, undefined);
      await assert.rejects(readSide.scores('default', 'pump', { limit: 1_000, toMs: 3 }), StorageFailedError);
      await assert.rejects(readSide.scores('default', 'pump', { limit: 1_000, fromMs: 0 }), StorageFailedError);
    });

    it('leaves out, and tells of, what is damaged, and reads it from the log', async () => {
      const told: string[] = [];
      const readSide = withLog(
        await fixture.readSide(server, { onDamage: (message) => told.push(message) }),
        fixture.journal,
      );
      await readSide.writeScores(0, 1, chunkAt([1, 2]));
      const key = server.cli('--scan', '--pattern', '*rows*').trim();
      server.cli('lset', key, '0', 'x'.repeat(99));
      assert.deepEqual(await pages(readSide, { fromMs: 0, limit: 10 }), [[1, 2]]);
      assert.equal(told.length, 1);
      await readSide.writeScores(0, 2, chunkAt([3]));
    });

    it('have a time to live', async () => {
      const readSide = await fixture.readSide(server, { historyDays: 1 });
      await readSide.writeScores(0, 1, chunkAt([1]));
      const ttlMs = Number(server.cli('pttl', server.cli('--scan', '--pattern', '*rows*').trim()));
      assert.ok(ttlMs > 86_000_000 && ttlMs <= 86_400_000, String(ttlMs));
    });
  });

  describe('with several partitions', () => {
    const partitions = 4;
    const devices = upTo(10, 40).map((n) => `d-${n}`);
    let readSide: RedisReadSide;

    beforeEach(async () => {
      readSide = await fixture.readSide(server, { partitions });
      for (const [i, device] of devices.entries()) {
        const key = deviceKey('default', device);
        const partition = partitionOf(key, partitions);
        const alert: Alert = { ...sampleAlert({ device }), id: `al_${i}`, raisedMs: i, tenant: 'default', device };
        const batch = AlertBatch.create();
        batch.add({ change: 'raised', alert });
        await readSide.writeScores(partition, i + 1, chunkAt([i], key));
        await readSide.writeAlerts(partition, i + 1, batch);
      }
    });

    it('lists all devices by id, with their open alerts', async () => {
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await readSide.devices('default', { limit: 7, ...(cursor === undefined ? {} : { cursor }) });
        for (const { device, openAlerts } of page.items) {
          found.push(device);
          assert.deepEqual(openAlerts, [`al_${devices.indexOf(device)}`]);
        }
        cursor = page.next;
      } while (cursor !== undefined);
      assert.deepEqual(found, devices);
    });

    it('lists all alerts, newest first, and finds each by its id', async () => {
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await readSide.alerts('default', { limit: 7, ...(cursor === undefined ? {} : { cursor }) });
        found.push(...page.items.map(({ id }) => id));
        cursor = page.next;
      } while (cursor !== undefined);
      assert.deepEqual(found, devices.map((_, i) => `al_${i}`).reverse());
      assert.equal((await readSide.alert('default', 'al_17'))?.device, devices[17]);
    });
  });

  it('keeps systems of different names apart', async () => {
    const [one, other] = [await fixture.readSide(server), await fixture.readSide(server, { prefix: 'other' })];
    await one.writeScores(0, 1, chunkAt([1]));
    assert.equal(await other.position('scores', 0), 0);
    await other.forget();
    assert.equal(await scoredCount(one), 1);
  });

  it('takes no name that means something in a key', async () => {
    for (const prefix of ['', 'a*', 'a{b}', 'a:b']) {
      await assert.rejects(fixture.readSide(server, { prefix }), SettingInvalidError);
    }
  });

  it('does not start on a Redis that may throw away anything', async () => {
    server.cli('config', 'set', 'maxmemory-policy', 'allkeys-lru');
    try {
      await assert.rejects(fixture.connect(server), /maxmemory-policy .* got allkeys-lru/);
    } finally {
      server.cli('config', 'set', 'maxmemory-policy', 'noeviction');
    }
  });
});
