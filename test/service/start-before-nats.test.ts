/** Whoever starts a cluster starts everything at once: a process waits for NATS, and says so to its probes. */
import assert from 'node:assert/strict';
import { pino } from 'pino';
import { loadSettings } from '../../models/settings.js';
import { startNode, type RunningNode } from '../../services/start-node.js';
import { freePort } from '../support/free-port.js';
import { NatsServer, needsNatsServer } from '../support/nats-server.js';
import { needsRedis, RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';

describe('a process that starts before NATS', function () {
  this.timeout(60_000);
  needsRedis(this);
  let redis: RedisServer;
  let nats: NatsServer | undefined;
  let node: RunningNode | undefined;

  before(async function () {
    needsNatsServer(this);
    redis = await RedisServer.start();
  });
  afterEach(async () => {
    await node?.stop();
    await nats?.stop();
    node = nats = undefined;
  });
  after(() => redis.stop());

  async function settingsAt(natsPort: number, text = '') {
    const env = {
      NATS_URL: `nats://127.0.0.1:${natsPort}`,
      REDIS_URL: redis.url,
      SERVICES: 'window',
      METRICS_PORT: String(await freePort()),
    };
    return loadSettings({ env, file: { path: 'config.yaml', text: `partitions: 1\n${text}` } });
  }
  const logger = pino({ level: 'silent' });
  const status = async (port: number, path: string) =>
    fetch(`http://127.0.0.1:${port}${path}`).then(
      (answer) => answer.status,
      () => 0,
    );

  it('is alive and not ready until NATS is there', async () => {
    const port = await freePort();
    const settings = await settingsAt(port);
    const starting = startNode(settings, logger);
    await until('health', async () => (await status(settings.metricsPort, '/health')) === 200);
    assert.equal(await status(settings.metricsPort, '/ready'), 503);

    nats = await NatsServer.start({ port });
    node = await starting;
    await until('readiness', async () => (await status(settings.metricsPort, '/ready')) === 200);
  });

  it('ends when it is told to, and gives its port back', async () => {
    const settings = await settingsAt(await freePort());
    const stop = new AbortController();
    const starting = startNode(settings, logger, { signal: stop.signal });
    await until('health', async () => (await status(settings.metricsPort, '/health')) === 200);
    stop.abort();
    await assert.rejects(starting, { name: 'AbortError' });
    assert.equal(await status(settings.metricsPort, '/health'), 0);
  });

  it('answers probes where metrics are switched off', async () => {
    nats = await NatsServer.start();
    const settings = await settingsAt(nats.port, 'performance: { metrics_enabled: false }');
    node = await startNode(settings, logger);
    assert.equal(node.metricsUrl, undefined);
    const asked = ['/health', '/metrics'].map((path) => status(settings.metricsPort, path));
    assert.deepEqual(await Promise.all(asked), [200, 404]);
  });
});
