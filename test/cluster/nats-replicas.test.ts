import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkNats } from '../../cli/doctor/storage-checks.js';
import { loadSettings } from '../../models/settings.js';
import { openNatsStorage, type NatsStorage } from '../../storage/nats/nats-storage.js';
import { whileElecting } from '../../storage/nats/while-electing.js';
import { startNatsCluster } from '../support/nats-cluster.js';
import { needsNatsServer, type NatsServer } from '../support/nats-server.js';
import { natsSettings } from '../support/nats-settings.js';
import { until } from '../support/until.js';

const STREAM = { topic: 'readings', partition: 0 } as const;

describe('three NATS servers', function () {
  this.timeout(180_000);
  let servers: readonly NatsServer[] = [];
  let storage: NatsStorage;

  before(function () {
    needsNatsServer(this);
  });
  afterEach(async () => {
    await storage.close();
    await Promise.all(servers.map((server) => server.stop()));
  });

  it('keep all that was acknowledged, once and in order, while one after the other is killed', async () => {
    servers = await startNatsCluster();
    const settings = {
      ...natsSettings(servers.map(({ url }) => url).join(',')),
      namespace: 'test',
      partitions: 1,
      natsReplicas: undefined,
    };
    storage = await until('a leader', () => openNatsStorage(settings).catch(() => undefined), 60_000);
    const { journal } = storage;
    assert.equal(journal.durability, 'server-loss');

    const acknowledged: string[] = [];
    const read: string[] = [];
    let isOver = false;
    let isWritten = false;
    const write = async () => {
      for (let i = 0; !isOver; i++) {
        const messageId = `record ${i}`;
        const append = () => journal.append(STREAM, Buffer.from(messageId), { messageId }).catch(() => undefined);
        while ((await append()) === undefined) await sleep(100);
        acknowledged.push(messageId);
      }
      isWritten = true;
    };
    const reader = journal.read(STREAM, 1);
    const follow = async () => {
      while (!isWritten || read.length < acknowledged.length) {
        for (const { payload } of await reader.next(100, 1e9, 500)) read.push(Buffer.from(payload).toString());
      }
    };
    const working = Promise.all([write(), follow()]);
    for (const server of servers) {
      const before = acknowledged.length;
      await until('appends before the kill', () => acknowledged.length > before + 100, 60_000);
      await server.kill9();
      const after = acknowledged.length;
      await until('appends without it', () => acknowledged.length > after + 100, 60_000);
      await server.restart();
    }
    isOver = true;
    await working;
    reader.close();
    assert.deepEqual(read, acknowledged);
    const { first, last } = await journal.state(STREAM);
    assert.deepEqual({ first, last }, { first: 1, last: acknowledged.length });
  });

  it('that do not tell of each other are not taken for one', async () => {
    servers = await startNatsCluster({ isSilent: true });
    const settings = { ...natsSettings(servers[0]!.url), namespace: 'test', partitions: 1 };
    await assert.rejects(openNatsStorage({ ...settings, natsReplicas: undefined }), /nats_replicas must be set/);

    storage = await openNatsStorage({ ...settings, natsReplicas: 3 }, { whileElecting: whileElecting(60_000) });
    assert.equal(storage.journal.durability, 'server-loss');
  });

  it('are waited for, where too few of them are there yet', async () => {
    servers = await startNatsCluster();
    const [, second, third] = servers;
    await Promise.all([second!.kill9(), third!.kill9()]);
    const settings = { ...natsSettings(servers[0]!.url), namespace: 'test', partitions: 1, natsReplicas: 3 } as const;
    const told: string[] = [];
    const report = (_: string, message: string) => void told.push(message);
    const opening = openNatsStorage(settings, { whileElecting: whileElecting(90_000, { report }) });
    await until('word of it', () => told.some((message) => message.includes('JetStream is not ready yet')), 60_000);
    await second!.restart();
    await third!.restart();
    storage = await opening;
    assert.equal(storage.journal.durability, 'server-loss');
  });

  it('are warned of by doctor, where each stream lies on one of them', async () => {
    servers = await startNatsCluster();
    const settings = {
      ...loadSettings({ env: { NATS_URL: servers[0]!.url, REDIS_URL: 'redis://127.0.0.1:1' } }),
      partitions: 1,
      natsReplicas: 1,
    } as const;
    storage = await until('a leader', () => openNatsStorage(settings).catch(() => undefined), 60_000);
    const finding = (await checkNats(settings)).find(({ check }) => check === 'replicas');
    assert.equal(finding?.state, 'warn');
    assert.match(finding.message, /its loss loses what was acknowledged. Set nats_replicas: 3/);
  });
});
