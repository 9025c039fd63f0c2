import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { StageView } from '../../models/routing/cluster-view.js';
import { needsNatsServer } from '../support/nats-server.js';
import { until } from '../support/until.js';
import { recordingTerminal, run } from '../unit/cli/recording-terminal.js';

const BIN = fileURLToPath(new URL('../../bin/redshank.js', import.meta.url));
/** A dead owner's leases end after 10 s; the machine may be busy. */
const TAKEN_OVER_MS = 90_000;

interface Started {
  readonly event: 'started';
  readonly url: string;
  readonly natsUrl: string;
  readonly redisUrl: string;
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
}

interface Ended {
  readonly event: 'ended';
  readonly name: string;
  readonly signal: string | null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('redshank cluster', function () {
  this.timeout(240_000);
  let folder = '';
  let cluster: ChildProcessWithoutNullStreams;
  let started: Started | undefined;
  let errors = '';
  const events: (Started | Ended)[] = [];

  before(async function () {
    needsNatsServer(this);
    folder = await mkdtemp(join(tmpdir(), 'redshank-test-'));
    const config = join(folder, 'redshank.yaml');
    await writeFile(config, 'partitions: 8\n');
    const size = ['--ingests', '1', '--windows', '1', '--scorers', '2'];
    const { PATH = '' } = process.env;
    const args = [BIN, 'cluster', '--json', '--port', '0', '--config', config, ...size];
    cluster = spawn(process.execPath, args, { env: { PATH, TMPDIR: folder } });
    cluster.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    createInterface({ input: cluster.stdout }).on('line', (line) => events.push(JSON.parse(line) as Started | Ended));
    started = await until(
      'the cluster to be ready',
      () => {
        if (cluster.exitCode !== null) throw new Error(`it ended with ${cluster.exitCode}:\n${errors}`);
        return events.find((event): event is Started => event.event === 'started');
      },
      200_000,
    );
  });
  after(async () => {
    // Only where a test has failed: the last one stops it, and a killed one is followed by its guard.
    if (cluster.exitCode === null) cluster.kill('SIGKILL');
    for (const { pid } of started?.processes ?? []) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const of = (): Started => started!;
  const command = (...args: string[]) => run([...args, '--url', of().url], recordingTerminal());
  const pidOf = (name: string): number => of().processes.find((one) => one.name === name)!.pid;

  it('has a process for each part, and a NATS and a Redis', () => {
    const names = [
      'alerting',
      'gateway',
      'ingest',
      'model-registry',
      'nats-server',
      'redis-server',
      'scorer-1',
      'scorer-2',
      'window',
    ];
    assert.deepEqual(
      of()
        .processes.map(({ name }) => name)
        .sort(),
      names,
    );
    assert.ok(of().processes.every(({ pid }) => isAlive(pid)));
  });

  it('deals the partitions out', async () => {
    const { exitCode, out, err } = await command('shards', '--stage', 'scorer', '--json');
    assert.equal(exitCode, 0, err);
    const [scorer] = (JSON.parse(out) as { stages: StageView[] }).stages;
    const loads = scorer!.replicas.map((node) => scorer!.partitions.filter(({ owner }) => owner === node).length);
    assert.deepEqual(loads, [4, 4]);
  });

  it('is well, says doctor', async () => {
    const env = { NATS_URL: of().natsUrl, REDIS_URL: of().redisUrl, CONFIG_FILE: join(folder, 'redshank.yaml') };
    const { out } = await run(['doctor', '--json', '--url', of().url], recordingTerminal({ ...env, DATA_DIR: folder }));
    const { ok, findings } = JSON.parse(out) as { ok: boolean; findings: { check: string; state: string }[] };
    assert.ok(ok, out);
    const checks = findings.filter(({ state }) => state === 'ok').map(({ check }) => check);
    for (const check of ['jetstream', 'streams', 'redis', 'redis clock', 'owners', 'lag', 'node clocks']) {
      assert.ok(checks.includes(check), `${check}: ${out}`);
    }
  });

  it('has other streams than doctor is told to expect', async () => {
    const env = { NATS_URL: of().natsUrl, REDIS_URL: of().redisUrl, DATA_DIR: folder };
    const { exitCode, out } = await run(['doctor', '--url', of().url], recordingTerminal(env));
    assert.equal(exitCode, 1);
    assert.match(out, /FAIL +streams +96 of \d+ are missing: redshank-readings-8/);
  });

  it('scores, and fills its read side again', async () => {
    const rows = Array.from({ length: 200 }, (_, i) => `${i},${1 + (i % 3)}`).join('\n');
    const ingest = ['ingest', '-', '--device', 'press-1', '--json', '--url', of().url];
    const { out } = await run(ingest, recordingTerminal({}, `ts,a\n${rows}\n`));
    assert.equal((JSON.parse(out) as { outcomes: Record<string, number> }).outcomes['scored'], 200);
    const scores = async (): Promise<unknown> =>
      (
        (await (await fetch(`${of().url}/v1/devices/press-1/scores?from=0&limit=1000`)).json()) as {
          scores: unknown[];
        }
      ).scores;
    const before = await scores();

    // Who looks at Redis alone cannot tell filled again from never emptied: something that is not in the log can.
    const redis = new Redis(of().redisUrl);
    try {
      const keys = Array.from({ length: 8 }, (_, partition) => `redshank:{redshank:${partition}}:scores`);
      for (const key of keys) await redis.hset(key, 'default/ghost', 'x');
      const rebuild = await command('rebuild', '--yes', '--json');
      assert.equal(rebuild.exitCode, 0, rebuild.err);
      assert.equal((JSON.parse(rebuild.out) as { partitions: number }).partitions, 16);
      assert.doesNotMatch(errors, /read side is behind/);
      assert.deepEqual(await Promise.all(keys.map((key) => redis.hexists(key, 'default/ghost'))), Array(8).fill(0));
    } finally {
      redis.disconnect();
    }
    assert.deepEqual(await scores(), before);
    const { out: device } = await command('devices', 'press-1', '--json');
    assert.equal((JSON.parse(device) as { outcomes: Record<string, number> }).outcomes['scored'], 200);
  });

  it('says who has died, and goes on without', async () => {
    process.kill(pidOf('scorer-2'), 'SIGKILL');
    const ended = await until('word of it', () => events.find((event): event is Ended => event.event === 'ended'));
    assert.deepEqual([ended.name, ended.signal], ['scorer-2', 'SIGKILL']);
    await until(
      'the other one to run everything',
      async () => {
        const { exitCode, out } = await command('shards', '--stage', 'scorer', '--json');
        const [scorer] = (JSON.parse(out) as { stages: StageView[] }).stages;
        return exitCode === 0 && new Set(scorer!.partitions.map(({ owner }) => owner)).size === 1;
      },
      TAKEN_OVER_MS,
    );
  });

  it('stops all at Ctrl-C, and leaves nothing behind', async () => {
    const closed = once(cluster, 'close');
    cluster.kill('SIGINT');
    const [exitCode] = (await closed) as [number | null];
    assert.equal(exitCode, 0, errors);
    assert.deepEqual(
      of().processes.filter(({ pid }) => isAlive(pid)),
      [],
    );
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('redshank-local-')),
      [],
    );
  });
});

describe('redshank cluster, where it cannot be', () => {
  it('says in one line what to install', async () => {
    const { exitCode, err } = await run(['cluster'], recordingTerminal({ PATH: '/nowhere' }));
    assert.equal(exitCode, 2);
    assert.equal(
      err,
      'redshank: a cluster needs nats-server and redis-server: sudo apt-get install nats-server redis-server\n',
    );
  });

  it('reports bad settings once, before anything starts', async function () {
    needsNatsServer(this);
    const { PATH = '' } = process.env;
    const { exitCode, err } = await run(
      ['cluster', '--port', '0'],
      recordingTerminal({ PATH, API_RATE_LIMIT: 'many' }),
    );
    assert.equal(exitCode, 2);
    assert.match(err, /API_RATE_LIMIT must be/);
  });
});

describe('the guard of a local cluster', () => {
  it('ends what is left when its process is killed, and removes the folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'redshank-test-'));
    const guard = new URL('../../cli/cluster/orphan-guard.ts', import.meta.url).href;
    const script = `
      import { spawn } from 'node:child_process';
      import { OrphanGuard } from ${JSON.stringify(guard)};
      const guard = new OrphanGuard(${JSON.stringify(folder)});
      const pids = [1, 2, 3].map(() => spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }).pid);
      for (const pid of pids) guard.watch(pid);
      guard.forget(pids[1]);
      console.log(JSON.stringify(pids));
      setInterval(() => {}, 1_000);
    `;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const [first, forgotten, third] = JSON.parse(line) as [number, number, number];
    try {
      child.kill('SIGKILL');
      await until('the ends', () => !isAlive(first) && !isAlive(third));
      assert.ok(isAlive(forgotten));
      await until('the folder to go', () => !existsSync(folder));
    } finally {
      process.kill(forgotten, 'SIGKILL');
    }
  });
});
