import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { needsNatsServer } from '../support/nats-server.js';
import { until } from '../support/until.js';

const BIN = fileURLToPath(new URL('../../bin/redshank.js', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../../examples/foreign-service/pump-watch.js', import.meta.url));

/** What a newcomer does with the lines that it prints. */
describe('redshank cluster with AUTH=on', function () {
  this.timeout(240_000);
  let folder = '';
  let cluster: ChildProcess;
  let output = '';

  before(async function () {
    needsNatsServer(this);
    folder = await mkdtemp(join(tmpdir(), 'redshank-test-'));
    const size = ['--ingests', '1', '--windows', '1', '--scorers', '1'];
    const { PATH = '' } = process.env;
    cluster = spawn(process.execPath, [BIN, 'cluster', '--port', '0', ...size], {
      env: { PATH, TMPDIR: folder, AUTH: 'on' },
    });
    for (const stream of [cluster.stdout, cluster.stderr]) {
      stream!.on('data', (chunk: Buffer) => (output += chunk.toString()));
    }
    await until(
      'the cluster to be ready',
      () => {
        if (cluster.exitCode !== null) throw new Error(`it ended with ${cluster.exitCode}:\n${output}`);
        return output.includes('Try, in another terminal');
      },
      200_000,
    );
  });
  afterEach(function () {
    if (this.currentTest?.isFailed() === true) console.log(output);
  });
  after(async () => {
    if (cluster.exitCode === null) cluster.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  function printed(pattern: RegExp): string {
    const found = pattern.exec(output)?.[1];
    assert.ok(found !== undefined, `${String(pattern)} is not in:\n${output}`);
    return found;
  }

  /** Runs the example until it has nothing more to do, or ends. */
  async function runExample(env: Readonly<Record<string, string>>): Promise<{ code: number | null; text: string }> {
    const child = spawn(process.execPath, [EXAMPLE], {
      env: { PATH: process.env.PATH!, NATS_URL: printed(/NATS_URL=(\S+) node examples/), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = once(child, 'exit');
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    }
    try {
      await until('the example to end', () => child.exitCode !== null || text.includes('done\n'), 90_000);
      return { code: child.exitCode, text };
    } finally {
      child.kill('SIGTERM');
      await exited;
    }
  }

  it('answers nobody without the key that it prints', async () => {
    const url = printed(/dashboard +(\S+)/);
    assert.equal((await fetch(`${url}/v1/devices`)).status, 401);
    const headers = { authorization: `Bearer ${printed(/admin key \(shown once\): (\S+)/)}` };
    assert.equal((await fetch(`${url}/v1/devices`, { headers })).status, 200);
  });

  it("lets another team's service work with that key", async () => {
    const { text } = await runExample({ REDSHANK_API_KEY: printed(/export REDSHANK_API_KEY=(\S+)/) });
    assert.match(text, /^acknowledged by admin$/m);
  });

  for (const [what, env] of [
    ['no key', {}],
    ['a wrong key', { REDSHANK_API_KEY: `rsk_${'A'.repeat(43)}` }],
  ] as const) {
    it(`tells another team's service with ${what} in one line what to do`, async () => {
      const { code, text } = await runExample(env);
      assert.equal(code, 1);
      assert.match(text, /^pump-watch: .*REDSHANK_API_KEY.*admin key.*AUTH=on.*\n$/);
    });
  }

  it('says that it has stopped', async () => {
    const closed = once(cluster, 'close');
    cluster.kill('SIGINT');
    await closed;
    assert.match(output, /stopping\n[^]*stopped\n$/);
  });
});
