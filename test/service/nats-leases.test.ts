import assert from 'node:assert/strict';
import { StorageCorruptError, StorageFailedError } from '../../models/errors.js';
import { KvLeases } from '../../storage/leases/kv-leases.js';
import { NatsConnection } from '../../storage/nats/nats-connection.js';
import { NatsServer, needsNatsServer } from '../support/nats-server.js';
import { natsSettings } from '../support/nats-settings.js';
import { until } from '../support/until.js';

const ID = { stage: 'window', partition: 0 } as const;
const TTL_MS = 10_000;
const OPTIONS = { namespace: 'test', replicas: 1, ttlMs: TTL_MS };

describe('leases and their NATS server', function () {
  this.timeout(60_000);
  let server: NatsServer;
  let connection: NatsConnection;
  let leases: KvLeases;
  let other: { readonly connection: NatsConnection; readonly leases: KvLeases };

  const open = async () => {
    const fresh = await NatsConnection.connect(natsSettings(server.url));
    return { connection: fresh, leases: await KvLeases.open(fresh, OPTIONS) };
  };

  before(function () {
    needsNatsServer(this);
  });
  beforeEach(async () => {
    server = await NatsServer.start();
    ({ connection, leases } = await open());
    other = await open();
  });
  afterEach(async () => {
    for (const one of [{ connection, leases }, other]) {
      await one.leases.close();
      await one.connection.close();
    }
    await server.stop();
  });

  it('last over a restart of the server', async () => {
    const lease = await leases.acquire(ID, 'a');
    await server.kill9();
    await server.restart();
    await until('the renewal', () => leases.renew(lease!).catch(() => false));
    assert.equal(await until('an answer', () => other.leases.holder(ID).catch(() => false)), 'a');
    assert.equal(await other.leases.acquire(ID, 'b'), undefined);
  });

  it('are heard of by others, also after a restart of the server', async () => {
    await leases.acquire(ID, 'a');
    await until('it is heard of', () => other.leases.holders('window').get(0) === 'a');
    await server.kill9();
    await server.restart();
    await until('the line stands', () => connection.isConnected && other.connection.isConnected);
    const again = await until('the acquisition', () =>
      leases.acquire({ stage: 'window', partition: 1 }, 'c').catch(() => false),
    );
    assert.ok(again);
    await until('it is heard of', () => other.leases.holders('window').get(1) === 'c');
  });

  it('know an acquisition as ours although its answer was lost', async () => {
    await server.pause();
    await assert.rejects(leases.acquire(ID, 'a'), StorageFailedError);
    server.resume();
    await until('it has landed', async () => (await other.leases.holder(ID).catch(() => undefined)) === 'a');
    const { lease } = await until('an answer', () =>
      leases.acquire(ID, 'a').then(
        (answer) => ({ lease: answer }),
        () => undefined,
      ),
    );
    assert.equal(lease?.holder, 'a');
    assert.equal(await leases.renew(lease), true);
    assert.equal(await leases.acquire(ID, 'a'), undefined);
  });

  it('know a renewal as ours although its answer was lost', async () => {
    const lease = await leases.acquire(ID, 'a');
    await server.pause();
    await assert.rejects(leases.renew(lease!), StorageFailedError);
    server.resume();
    assert.equal(await until('the next renewal', () => leases.renew(lease!).catch(() => false)), true);
    await leases.release(lease!);
    assert.equal(await other.leases.holder(ID), undefined);
  });

  it('do not take the lease of another who has the same name', async () => {
    await leases.acquire(ID, 'a');
    assert.equal(await other.leases.acquire(ID, 'a'), undefined);
  });

  it('give back what the server cannot be told, by running out', async () => {
    const lease = await leases.acquire(ID, 'a');
    await server.kill9();
    await leases.release(lease!);
    assert.equal(await leases.renew(lease!), false);
  });

  it('take again at once what the server could not be told was given back', async () => {
    const lease = await leases.acquire(ID, 'a');
    await server.kill9();
    await leases.release(lease!);
    await server.restart();
    const startMs = performance.now();
    const again = await until('the lease', () => leases.acquire(ID, 'a').catch(() => undefined));
    assert.ok(again.epoch > lease!.epoch);
    assert.ok(performance.now() - startMs < TTL_MS / 2);
    await until('the line of the other', () => other.connection.isConnected);
    assert.equal(await other.leases.acquire(ID, 'b'), undefined);
  });

  it('tell of one that ran out, although the server does not', async () => {
    const brief = await KvLeases.open(connection, { ...OPTIONS, namespace: 'brief', ttlMs: 1_000 });
    await brief.acquire(ID, 'a');
    await until('it is heard of', () => brief.holders('window').has(0));
    let calls = 0;
    brief.onChange(() => calls++);
    await until('the end', () => calls > 0);
    assert.equal(brief.holders('window').has(0), false);
    await brief.close();
  });

  it('say nothing of renewals', async () => {
    const lease = await leases.acquire(ID, 'a');
    await until('it is heard of', () => other.leases.holders('window').has(0));
    let calls = 0;
    other.leases.onChange(() => calls++);
    await leases.renew(lease!);
    const next = await leases.acquire({ stage: 'window', partition: 1 }, 'a');
    await until('the next one is heard of', () => calls > 0);
    assert.ok(next);
    assert.equal(calls, 1);
  });

  it('end every call while the server is paused', async () => {
    const lease = await leases.acquire(ID, 'a');
    await server.pause();
    const ends = await Promise.allSettled([leases.renew(lease!), leases.holder(ID), leases.release(lease!)]);
    assert.deepEqual(
      ends.map(({ status }) => status),
      ['rejected', 'rejected', 'fulfilled'],
    );
  });

  it('refuse a bucket with another TTL', async () => {
    await assert.rejects(
      KvLeases.open(connection, { ...OPTIONS, ttlMs: TTL_MS / 2 }),
      (error) => error instanceof StorageCorruptError && /max_age must be 5000000000/.test(error.message),
    );
  });

  it('makes its table anew when that is lost, and whoever held one is told', async () => {
    const lease = await leases.acquire(ID, 'a');
    await connection.request('$JS.API.STREAM.DELETE.KV_test-leases', '');
    await until('the table', () => leases.acquire({ ...ID, partition: 1 }, 'a').catch(() => undefined));
    assert.equal(await leases.renew(lease!), false);
    assert.ok(await leases.acquire(ID, 'a'));
  });
});
