import assert from 'node:assert/strict';
import { loadSettings } from '../../models/settings.js';
import { checkNats, checkRedis } from '../../cli/doctor/storage-checks.js';
import type { Finding } from '../../cli/doctor/check.js';
import { freePort } from '../support/free-port.js';
import { NatsServer, needsNatsServer } from '../support/nats-server.js';
import { needsRedis, RedisServer } from '../support/redis-server.js';

const settings = (urls: { readonly nats?: string; readonly redis?: string }) =>
  loadSettings({
    env: { NATS_URL: urls.nats ?? 'nats://127.0.0.1:1', REDIS_URL: urls.redis ?? 'redis://127.0.0.1:1' },
  });

const states = (findings: readonly Finding[]) => findings.map(({ check, state }) => `${check} ${state}`);

describe('doctor, of NATS', () => {
  before(function () {
    needsNatsServer(this);
  });

  it('changes nothing where there is no log yet', async () => {
    const server = await NatsServer.start();
    try {
      for (let i = 0; i < 2; i++) {
        const findings = await checkNats(settings({ nats: server.url }));
        assert.match(findings.at(-1)!.message, /no log in the namespace redshank yet/);
      }
    } finally {
      await server.stop();
    }
  });

  it('misses JetStream', async () => {
    const server = await NatsServer.start({ jetStream: false, config: '' });
    try {
      assert.equal(states(await checkNats(settings({ nats: server.url }))).at(-1), 'jetstream fail');
    } finally {
      await server.stop();
    }
  }).timeout(40_000);

  it('says when nothing answers', async () => {
    const nats = `nats://127.0.0.1:${await freePort()}`;
    const [finding] = await checkNats(settings({ nats }));
    assert.equal(finding?.state, 'fail');
    assert.match(finding.message, /could not be reached within 5000 ms/);
  });
});

describe('doctor, of Redis', function () {
  needsRedis(this);

  it('tells version, memory and policy', async () => {
    const server = await RedisServer.start({ arguments: ['--maxmemory', '100mb'] });
    try {
      const findings = await checkRedis(settings({ redis: server.url }));
      assert.deepEqual(states(findings), ['redis ok', 'redis clock ok']);
      assert.match(findings[0]!.message, /^Redis \d+\.\d+\.\d+, memory: .* used, 105 MB at most, policy noeviction$/);
    } finally {
      await server.stop();
    }
  });

  it('refuses one that may throw away anything', async () => {
    const server = await RedisServer.start({ arguments: ['--maxmemory-policy', 'allkeys-lru'] });
    try {
      const [finding] = await checkRedis(settings({ redis: server.url }));
      assert.equal(finding?.state, 'fail');
      assert.match(finding.message, /must be noeviction or one of volatile-\*, got allkeys-lru/);
    } finally {
      await server.stop();
    }
  });

  it('says when nothing answers, without a password', async () => {
    const redis = `redis://user:secret@127.0.0.1:${await freePort()}`;
    const [finding] = await checkRedis(settings({ redis }));
    assert.equal(finding?.state, 'fail');
    assert.match(finding.message, /cannot be reached/);
    assert.doesNotMatch(finding.message, /secret/);
  });
});
