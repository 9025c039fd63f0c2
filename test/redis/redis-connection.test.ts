import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SettingInvalidError, StorageFailedError } from '../../models/errors.js';
import { RedisConnection, type RedisAddress } from '../../storage/redis/redis-connection.js';
import { chunkAt, RedisFixture, upTo } from '../support/redis-fixture.js';
import { freePort } from '../support/free-port.js';
import { needsRedis, RedisServer, type RedisServerOptions } from '../support/redis-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

describe('a connection to Redis', function () {
  needsRedis(this);
  this.timeout(60_000);
  const folder = temporaryFolder();
  let fixture: RedisFixture;
  let servers: RedisServer[];

  beforeEach(() => {
    fixture = new RedisFixture(folder());
    servers = [];
  });
  afterEach(async () => {
    await fixture.close();
    await Promise.all(servers.map((server) => server.stop()));
  });

  async function start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = await RedisServer.start(options);
    servers.push(server);
    return server;
  }

  /** Writes and reads all kinds of things once. */
  async function works(address: RedisAddress, partitions = 1): Promise<void> {
    const readSide = await fixture.readSide(address, { partitions });
    for (let partition = 0; partition < partitions; partition++) {
      await until(`a write to ${partition}`, async () => {
        const position = await readSide.writeScores(partition, 1, chunkAt([1])).catch(() => 0);
        return position === 1;
      });
      assert.equal(await readSide.position('scores', partition), 1);
    }
    await readSide.put('job', 'default', 'k', Uint8Array.of(1), 1_000, 0);
    assert.deepEqual(await readSide.get('job', 'default', 'k', 1), Uint8Array.of(1));
    assert.ok(await readSide.device('default', 'pump'));
    await readSide.devices('default', { limit: 10 });
    await readSide.alerts('default', { limit: 10 });
    assert.ok((await readSide.expire(1_000)) > 0);
  }

  it('takes a password, alone or of a user, and a database', async () => {
    const server = await start({
      arguments: ['--requirepass', 'p@ss/word', '--user', 'app', 'on', '>secret', '~redshank:*', '+@all'],
    });
    const at = `127.0.0.1:${server.port}`;
    await works({ url: `redis://:${encodeURIComponent('p@ss/word')}@${at}/3` });
    await works({ url: `redis://app:secret@${at}` });
  });

  it('tells of a wrong password without telling it', async () => {
    const server = await start({ arguments: ['--requirepass', 'right'] });
    const problems: string[] = [];
    const url = `redis://:s3cret-wrong@127.0.0.1:${server.port}`;
    const redis = await RedisConnection.open({ url }, { onProblem: (message) => problems.push(message) });
    try {
      await assert.rejects(redis.command('get', 'x'), (error: Error) => {
        assert.ok(error instanceof StorageFailedError);
        assert.doesNotMatch(error.message, /s3cret/);
        return true;
      });
      await until('a problem', () => problems.length > 0);
      assert.match(problems.join('\n'), /WRONGPASS/);
      assert.doesNotMatch(problems.join('\n'), /s3cret/);
    } finally {
      redis.close();
    }
  });

  it('speaks TLS, and only with whom the authority vouches for', async () => {
    const keys = mkdtempSync(join(tmpdir(), 'redshank-tls-'));
    try {
      const made = spawnSync(
        'openssl',
        [
          ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
          ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
          ...['-keyout', join(keys, 'key.pem'), '-out', join(keys, 'cert.pem')],
        ],
        { encoding: 'utf8', timeout: 20_000 },
      );
      assert.equal(made.status, 0, made.stderr);
      const tlsPort = await freePort();
      await start({
        tlsPort,
        arguments: [
          ...['--tls-cert-file', join(keys, 'cert.pem'), '--tls-key-file', join(keys, 'key.pem')],
          ...['--tls-auth-clients', 'no'],
        ],
      });
      await works({ url: `rediss://127.0.0.1:${tlsPort}`, caFile: join(keys, 'cert.pem') });
      const problems: string[] = [];
      const url = `rediss://127.0.0.1:${tlsPort}`;
      const stranger = await RedisConnection.open({ url }, { onProblem: (message) => problems.push(message) });
      assert.equal(stranger.isReady, false);
      stranger.close();
      assert.match(problems.join(), /self-signed/);
    } finally {
      await rm(keys, { recursive: true });
    }
  });

  it('finds the nodes of a cluster, and the one that takes over a slot', async () => {
    const cluster = (): Promise<RedisServer> =>
      start({ arguments: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'] });
    const nodes = [await cluster(), await cluster(), await cluster()];
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
    nodes[0]!.cli('--cluster', 'create', ...addresses, '--cluster-yes');
    await until('a cluster', () => nodes.every((node) => node.cli('cluster', 'info').includes('cluster_state:ok')));
    await works({ url: nodes.map(({ url }) => url).join(','), mode: 'cluster' }, 16);
    const used = nodes.map((node) => Number(node.cli('dbsize')));
    assert.ok(
      used.every((keys) => keys > 0),
      String(used),
    );
  });

  it('asks Sentinels for the master, and follows it', async () => {
    const master = await start();
    const replica = await start({ arguments: ['--replicaof', '127.0.0.1', String(master.port)] });
    const sentinel = await start({
      configuration: [
        'port {port}',
        'bind 127.0.0.1',
        'dir {folder}',
        `sentinel monitor fleet 127.0.0.1 ${master.port} 1`,
        'sentinel down-after-milliseconds fleet 1000',
        'sentinel failover-timeout fleet 3000',
      ].join('\n'),
      arguments: ['--sentinel'],
    });
    const address = { url: sentinel.url, sentinelMaster: 'fleet' };
    await works(address);
    const readSide = await fixture.readSide(address);
    await until('the replica known', () =>
      sentinel.cli('sentinel', 'replicas', 'fleet').includes(String(replica.port)),
    );
    await until('the replica in step', () => replica.cli('info', 'replication').includes('master_link_status:up'));
    await readSide.writeScores(0, 2, chunkAt([2]));
    await master.kill9();
    await until(
      'the new master',
      async () => (await readSide.writeScores(0, 3, chunkAt([3])).catch(() => 0)) === 3,
      40_000,
    );
    assert.match(replica.cli('info', 'replication'), /role:master/);
  });

  it('takes no address that cannot be used, and does not repeat its password', async () => {
    const bad: readonly RedisAddress[] = [
      { url: 'http://u:s3cret@x' },
      { url: 'redis://u:s3cret@x/name' },
      { url: 'redis://u:s3cret@x,redis://y' },
      { url: 'redis://u:s3cret@x/2', mode: 'cluster' },
      { url: 'rediss://u:s3cret@x', caFile: join(folder(), 'none.pem') },
    ];
    for (const address of bad) {
      await assert.rejects(RedisConnection.open(address), (error: Error) => {
        assert.ok(error instanceof SettingInvalidError);
        assert.doesNotMatch(error.message, /s3cret/);
        return true;
      });
    }
  });

  it('gives up a connection that says nothing, so that others need not wait for it', async () => {
    const server = await start();
    const redis = await fixture.connect(server, { commandTimeoutMs: 500 });
    server.pause();
    await assert.rejects(redis.command('get', 'x'), StorageFailedError);
    await until('that it knows', () => !redis.isReady);
    server.resume();
    await until('a connection', () => redis.isReady);
  });

  it('keeps connecting, and makes no heap of commands meanwhile', async () => {
    const server = await start();
    const redis = await fixture.connect(server);
    await server.kill9();
    await until('that it knows', () => !redis.isReady);
    const outcomes = await Promise.allSettled(upTo(0, 10_000).map(() => redis.command('get', 'x')));
    assert.ok(outcomes.every(({ status }) => status === 'rejected'));
    await server.restart();
    await until('a connection', () => redis.isReady);
    assert.equal(await redis.command('get', 'x'), null);
  });
});
