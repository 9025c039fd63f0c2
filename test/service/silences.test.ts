import assert from 'node:assert/strict';
import { RedshankProcess } from '../support/redshank-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';
import { run } from '../unit/cli/recording-terminal.js';

describe('silences', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  let redshank: RedshankProcess;
  afterEach(() => redshank.stop());

  it('are set, listed, outlive a crash, keep alerts away, and are taken back', async () => {
    const dataDir = folder();
    redshank = await RedshankProcess.start({ dataDir });
    const cli = async (...args: string[]) => {
      const { exitCode, out, err } = await run([...args, '--url', redshank.url, '--json']);
      assert.equal(exitCode, 0, err);
      return JSON.parse(out) as Record<string, unknown>;
    };
    const made = await cli('silence', 'set', 'quiet-*', '--for', '1h', '--note', 'seals are changed');
    assert.deepEqual([made['state'], made['devices'], made['note']], ['in-force', ['quiet-*'], 'seals are changed']);
    await redshank.kill();
    redshank = await RedshankProcess.start({ dataDir });
    const { silences } = (await cli('silence', 'list')) as { silences: { id: string; state: string }[] };
    assert.deepEqual(
      silences.map(({ id, state }) => [id, state]),
      [[made['id'], 'in-force']],
    );

    const startMs = Date.now() - 200_000;
    const readings = Array.from({ length: 200 }, (_, i) =>
      ['quiet-1', 'loud-1'].map((device) => ({
        device,
        ts: startMs + 1_000 * i,
        values: { temp: i < 195 ? 20 + Math.sin(i) : 500 },
      })),
    ).flat();
    // The silence began a moment ago; the readings that count must lie after it.
    const shifted = readings.map((reading) => ({ ...reading, ts: reading.ts + 200_000 }));
    const answer = await fetch(`${redshank.url}/v1/readings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ readings: shifted }),
    });
    assert.equal(answer.status, 202);
    const alerts = async () => {
      const { alerts } = (await (await fetch(`${redshank.url}/v1/alerts`)).json()) as { alerts: { device: string }[] };
      return alerts.map(({ device }) => device);
    };
    await until('the alert of the other device', async () => (await alerts()).includes('loud-1'));
    assert.deepEqual(await alerts(), ['loud-1']);

    const ended = await cli('silence', 'end', String(made['id']));
    assert.equal(ended['state'], 'ended');
    const wrong = await run(['silence', 'set', 'a', '--url', redshank.url, '--for', '200d']);
    assert.match(wrong.err, /at most 90 days/);
  });
});
