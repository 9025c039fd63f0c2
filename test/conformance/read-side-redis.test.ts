import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmdbJournal } from '../../storage/journal/lmdb-journal.js';
import { LmdbEnvironment } from '../../storage/lmdb/lmdb-environment.js';
import { LogHistory } from '../../storage/read-side/log-history.js';
import { RedisReadSide } from '../../storage/read-side/redis-read-side.js';
import { RedisConnection } from '../../storage/redis/redis-connection.js';
import { withLog } from '../support/logged-read-side.js';
import { needsRedis, RedisServer } from '../support/redis-server.js';
import { describeReadSide } from './read-side.conformance.js';

describe('on a real redis-server', function () {
  needsRedis(this);
  let server: RedisServer;
  before(async () => {
    server = await RedisServer.start();
  });
  after(() => server.stop());

  describeReadSide('Redis', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'redshank-read-side-'));
    const environment = LmdbEnvironment.open(folder);
    const journal = new LmdbJournal(environment);
    const connections: RedisConnection[] = [];
    const open = async () => {
      const redis = await RedisConnection.open({ url: server.url });
      connections.push(redis);
      return withLog(new RedisReadSide(redis, { partitions: 1, history: new LogHistory(journal) }), journal);
    };
    const readSide = await open();
    return {
      readSide,
      crash: open,
      dispose: async () => {
        for (const redis of connections) redis.close();
        server.cli('flushall');
        await journal.close();
        await environment.close();
        await rm(folder, { recursive: true });
      },
    };
  });
});
