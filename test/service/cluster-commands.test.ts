import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StageView } from '../../models/routing/cluster-view.js';
import type { ScalePlan } from '../../models/routing/scale-plan.js';
import { startGatewayNode, type GatewayNode } from '../support/gateway-node.js';
import { RedshankProcess } from '../support/redshank-process.js';
import { recordingTerminal, run } from '../unit/cli/recording-terminal.js';

describe('commands about a cluster', function () {
  this.timeout(60_000);

  describe('where one process runs everything', () => {
    let dataDir = '';
    let redshank: RedshankProcess;
    before(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 'redshank-test-'));
      redshank = await RedshankProcess.start({ dataDir });
    });
    after(async () => {
      await redshank.stop();
      await rm(dataDir, { recursive: true });
    });

    const command = (...args: string[]) => run([...args, '--url', redshank.url], recordingTerminal());

    it('shards says who runs what, a line a stage first', async () => {
      const { exitCode, out } = await command('shards');
      assert.equal(exitCode, 0);
      const lines = out.split('\n');
      for (const [i, stage] of ['window', 'scorer', 'alerting'].entries()) {
        assert.match(
          lines[i]!,
          new RegExp(`^${stage} +1 replica · 8 of 8 partitions owned · most lag \\d+ · 0 devices`),
        );
      }
      assert.equal(lines.filter((text) => /node\.\S+ +\d+/.test(text)).length, 24);
    });

    it('shards shows one stage, and JSON', async () => {
      const { out } = await command('shards', '--stage', 'scorer', '--json');
      const { stages } = JSON.parse(out) as { stages: StageView[] };
      assert.deepEqual(
        stages.map(({ stage, partitions }) => [stage, partitions.length]),
        [['scorer', 8]],
      );
    });

    it('scale-plan says in words what would move', async () => {
      const { exitCode, out } = await command('scale-plan', '3', '--stage', 'scorer');
      assert.equal(exitCode, 0);
      assert.match(out, /^scorer: from 1 to 3 replicas: 5 of 8 partitions move, with 0 of 0 devices \(63 %\)/);
      assert.match(out, /new 2 +– +2/);
      assert.match((await command('scale-plan', '1')).out, /stays at 1 replica: nothing moves/);
      assert.match((await command('scale-plan', '9')).out, /1 would have nothing to do/);
    });

    it('scale-plan answers with JSON', async () => {
      const { plans } = JSON.parse((await command('scale-plan', '2', '--json')).out) as { plans: ScalePlan[] };
      assert.deepEqual(
        plans.map(({ moves, movedShare }) => [moves.length, movedShare]),
        Array.from({ length: 3 }, () => [4, 0.5]),
      );
    });
  });

  describe('rebuild', () => {
    let dataDir = '';
    let redshank: RedshankProcess;
    before(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 'redshank-test-'));
      redshank = await RedshankProcess.start({ dataDir });
    });
    after(async () => {
      await redshank.stop();
      await rm(dataDir, { recursive: true });
    });

    const command = (...args: string[]) => run([...args, '--url', redshank.url], recordingTerminal());
    const device = async (): Promise<unknown> => JSON.parse((await command('devices', 'press-1', '--json')).out);

    it('fills again what was not even kept for good yet', async () => {
      const rows = Array.from({ length: 50 }, (_, i) => `${i},${i % 3}`).join('\n');
      const ingest = ['ingest', '-', '--device', 'press-1', '--url', redshank.url];
      assert.equal((await run(ingest, recordingTerminal({}, `ts,a\n${rows}\n`))).exitCode, 0);
      const before = await device();
      const { exitCode, out, err } = await command('rebuild', '--yes');
      assert.equal(exitCode, 0, err);
      assert.match(out, /^the read side is filled again: 16 partitions in /);
      assert.doesNotMatch(redshank.output, /read side is behind/);
      assert.deepEqual(await device(), before);
    });

    it('does nothing unless somebody says yes', async () => {
      const { exitCode, err } = await command('rebuild');
      assert.equal(exitCode, 2);
      assert.match(err, /what it no longer holds is gone.*Say --yes/);
    });
  });

  describe('where parts are missing', () => {
    let node: GatewayNode;
    before(async () => {
      node = await startGatewayNode();
    });
    after(() => node.stop());

    it('shards fails, and names them', async () => {
      const { exitCode, err } = await run(['shards', '--url', node.url]);
      assert.equal(exitCode, 1);
      assert.match(err, /window: no replica runs it; scorer: gateway\.test did not answer/);
    });

    it('doctor fails, and names them', async () => {
      const { exitCode, out } = await run(['doctor', '--url', node.url]);
      assert.equal(exitCode, 1);
      assert.match(out, /FAIL +services +nobody runs window/);
      assert.match(out, /FAIL +owners +scorer: gateway\.test did not answer/);
    });

    it('scale-plan fails, and says of what nothing is known', async () => {
      const { exitCode, out, err } = await run(['scale-plan', '2', '--url', node.url, '--stage', 'window']);
      assert.match(out, /nothing is known of its partitions/);
      assert.deepEqual([exitCode, err], [1, 'redshank: no replica of window answered\n']);
      const json = await run(['scale-plan', '2', '--url', node.url, '--json']);
      assert.equal((JSON.parse(json.out) as { plans: ScalePlan[] }).plans.length, 3);
      assert.match(json.err, /no replica of window, scorer, alerting answered/);
    });
  });
});
