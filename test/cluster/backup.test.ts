/** The drill: a cluster loses everything but its backup, which was taken under load. */
import assert from 'node:assert/strict';
import { generateIdentity } from 'age-encryption';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceName } from '../../models/settings.js';
import { Cluster } from '../support/cluster.js';
import { needsNatsServer } from '../support/nats-server.js';
import { urlOfUser } from '../support/nats-users.js';
import { needsRedis } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { recordingTerminal, run } from '../unit/cli/recording-terminal.js';

const START_MS = Date.UTC(2026, 0, 1);
const DOORS: readonly ServiceName[] = ['gateway', 'ingest'];
const STAGES: readonly ServiceName[] = ['window', 'scorer', 'alerting', 'model-registry'];
const DEVICES = ['pump-1', 'pump-2', 'pump-3'];
const wave = (i: number): number => 20 + Math.sin(i) + Math.sin(1.7 * i);

describe('backup and restore of a cluster', function () {
  this.timeout(240_000);
  const folder = mkdtempSync(join(tmpdir(), 'redshank-drill-'));
  let cluster: Cluster;
  let key: string;

  before(function () {
    needsNatsServer(this);
  });
  needsRedis(this);
  before(async () => {
    cluster = await Cluster.start({
      parts: [
        { name: 'doors', services: DOORS },
        { name: 'stages-1', services: STAGES },
        { name: 'stages-2', services: STAGES },
      ],
      partitions: 4,
      hasNatsUsers: true,
      env: { AUTH: 'on', CLUSTER_SECRET: 'a secret that all processes of this cluster have been given' },
    });
    key = await until('the admin key', () => /rsk_[A-Za-z0-9_-]{43}/.exec(cluster.part('doors').output)?.[0]);
  });
  afterEach(function () {
    if (this.currentTest?.isFailed() === true) console.log(cluster.report());
  });
  after(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true });
  });

  const ask = (path: string, options: RequestInit = {}) =>
    fetch(cluster.url + path, {
      ...options,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    });
  const get = async (path: string) => (await (await ask(path)).json()) as Record<string, unknown>;
  const scored = async (device: string): Promise<Record<string, number>> => {
    const { outcomes } = await get(`/v1/devices/${device}`).catch((): Record<string, unknown> => ({}));
    return (outcomes ?? {}) as Record<string, number>;
  };
  async function post(device: string, from: number, to: number): Promise<void> {
    const readings = Array.from({ length: to - from }, (_, i) => ({
      device,
      ts: START_MS + 1_000 * (from + i),
      values: { temp: wave(from + i) },
    }));
    const { status } = await ask('/v1/readings', { method: 'POST', body: JSON.stringify({ readings }) });
    assert.equal(status, 202);
  }
  const all = async (count: number): Promise<void> => {
    for (const device of DEVICES) {
      await until(`${count} of ${device}`, async () => (await scored(device))['scored'] === count, 60_000);
    }
  };
  const scores = async (device: string) => (await get(`/v1/devices/${device}/scores?limit=10000`))['scores'];
  const cli = (...args: string[]) =>
    run(args, recordingTerminal({ NATS_URL: urlOfUser(cluster.nats, 'operator'), REDIS_URL: cluster.redis.url }));

  it('loses nothing of what the backup has, and goes on', async () => {
    const [file, keyFile] = [join(folder, 'redshank.backup'), join(folder, 'key')];
    writeFileSync(keyFile, await generateIdentity());
    for (const device of DEVICES) await post(device, 0, 300);
    await all(300);
    const before = await Promise.all(DEVICES.map(scores));
    const loaded = new AbortController();
    const load = (async () => {
      // A connection may be closed while this process has other work: it is only load.
      for (let i = 0; !loaded.signal.aborted; i += 20) await post('noise', i, i + 20).catch(() => undefined);
    })();
    const taken = await cli('backup', '--to', file, '--key-file', keyFile, '--json');
    loaded.abort();
    await load;
    assert.equal(taken.exitCode, 0, taken.err);
    const noise = (await scored('noise'))['scored'] ?? 0;

    const early = await cli('restore', '--from', file, '--key-file', keyFile, '--yes', '--json');
    assert.match(early.err, /still run/);
    for (const part of cluster.parts()) await part.stop();
    cluster.redis.cli('flushall');
    const restored = await until(
      'the leases to run out',
      async () => {
        const answer = await cli('restore', '--from', file, '--key-file', keyFile, '--yes', '--json');
        return !answer.err.includes('still run') && answer;
      },
      40_000,
    );
    assert.equal(restored.exitCode, 0, restored.err);
    for (const part of cluster.parts()) part.start();
    await cluster.ready();
    await all(300);
    assert.deepEqual(await Promise.all(DEVICES.map(scores)), before);
    assert.ok(((await scored('noise'))['scored'] ?? 0) <= noise);

    for (const device of DEVICES) await post(device, 300, 400);
    await all(400);
    for (const device of DEVICES) {
      const { scored: count, ...others } = await scored(device);
      assert.equal(count, 400);
      assert.deepEqual(
        Object.values(others).filter((other) => other > 0),
        [],
        JSON.stringify(others),
      );
    }
  });
});
