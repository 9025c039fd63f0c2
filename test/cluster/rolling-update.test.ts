/** A new release takes the place of the old one, process by process, while readings come. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ServiceName } from '../../models/settings.js';
import { Cluster } from '../support/cluster.js';
import { compiled } from '../support/compiled.js';
import { needsNatsServer } from '../support/nats-server.js';
import { needsRedis } from '../support/redis-server.js';
import { until } from '../support/until.js';

const START_MS = Date.UTC(2026, 0, 1);
const STAGES: readonly ServiceName[] = ['window', 'scorer', 'alerting', 'model-registry'];
const NEXT = '9.9.9';
const BATCH = 20;

/** The same program under another version, as a release after this one would be started. */
function nextRelease(): { readonly folder: string; readonly start: readonly string[] } {
  const program = compiled('cli/main.ts')[0]!;
  const from = dirname(dirname(program));
  const folder = mkdtempSync(join(tmpdir(), 'redshank-next-'));
  for (const name of readdirSync(from)) {
    if (['node_modules', 'web', 'client', 'docs'].includes(name)) symlinkSync(join(from, name), join(folder, name));
    else if (name !== 'package.json') cpSync(join(from, name), join(folder, name), { recursive: true });
  }
  const facts = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as object;
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...facts, version: NEXT }));
  return { folder, start: [join(folder, 'cli/main.js'), 'start'] };
}

describe('a rolling update', function () {
  this.timeout(240_000);
  let cluster: Cluster;
  let next: ReturnType<typeof nextRelease>;

  before(function () {
    needsNatsServer(this);
  });
  needsRedis(this);
  before(async () => {
    next = nextRelease();
    cluster = await Cluster.start({
      parts: [
        { name: 'doors', services: ['gateway', 'ingest'] },
        { name: 'stages-1', services: STAGES },
        { name: 'stages-2', services: STAGES },
      ],
      partitions: 4,
    });
  });
  afterEach(function () {
    if (this.currentTest?.isFailed() === true) console.log(cluster.report());
  });
  after(async () => {
    await cluster.stop();
    rmSync(next.folder, { recursive: true });
  });

  const versionOf = async (name: string): Promise<string> =>
    /^redshank_build_info\{version="([^"]+)"/m.exec(await cluster.part(name).metrics())?.[1] ?? '';

  it('loses nothing, doubles nothing, and keeps the order', async () => {
    assert.notEqual(await versionOf('stages-1'), NEXT);
    let sent = 0;
    const loaded = new AbortController();
    const load = (async () => {
      while (!loaded.signal.aborted) {
        const readings = ['a', 'b', 'c', 'd', 'e'].flatMap((device) =>
          Array.from({ length: BATCH }, (_, i) => ({
            device,
            ts: START_MS + 1_000 * (sent + i),
            values: { temp: 20 + Math.sin(sent + i) },
          })),
        );
        const answer = await fetch(`${cluster.url}/v1/readings`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ readings }),
        });
        if (answer.status === 202) sent += BATCH;
        else assert.equal(answer.status, 503);
      }
    })();
    for (const name of ['stages-1', 'stages-2']) {
      await cluster.add({ name: `${name}-next`, services: STAGES, arguments: next.start });
      await cluster.ready();
      await cluster.remove(name);
    }
    loaded.abort();
    await load;
    assert.deepEqual(await Promise.all(['stages-1-next', 'stages-2-next'].map(versionOf)), [NEXT, NEXT]);
    for (const device of ['a', 'b', 'c', 'd', 'e']) {
      const outcomes = await until(
        `all of ${device}`,
        async () => {
          const answer = await fetch(`${cluster.url}/v1/devices/${device}`);
          const { outcomes: counts } = (await answer.json()) as { outcomes?: Record<string, number> };
          return (counts?.['scored'] ?? 0) >= sent && counts;
        },
        60_000,
      );
      const strange = Object.entries(outcomes).filter(([name, count]) => name !== 'scored' && count > 0);
      assert.deepEqual([outcomes['scored'], strange], [sent, []], device);
    }
    assert.deepEqual(cluster.surprises(), []);
  });
});
