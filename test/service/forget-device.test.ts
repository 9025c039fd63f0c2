import assert from 'node:assert/strict';
import { RedshankProcess } from '../support/redshank-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';
import { run } from '../unit/cli/recording-terminal.js';

describe('DELETE /v1/devices/{id}', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  let redshank: RedshankProcess;
  afterEach(() => redshank.stop());

  const get = async (path: string) => {
    const response = await fetch(redshank.url + path);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const post = async (device: string, startMs: number, values: readonly number[]) => {
    const readings = values.map((temp, i) => ({ device, ts: startMs + 1_000 * i, values: { temp } }));
    const response = await fetch(`${redshank.url}/v1/readings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ readings }),
    });
    assert.equal(response.status, 202);
  };
  const scored = async (device: string) =>
    ((await get(`/v1/devices/${device}`)).body['outcomes'] as { scored: number } | undefined)?.scored;

  it('forgets state, history and alerts, for good, and says what remains where', async () => {
    const dataDir = folder();
    redshank = await RedshankProcess.start({ dataDir });
    const startMs = Date.now() - 3_600_000;
    const usual = Array.from({ length: 300 }, (_, i) => 20 + Math.sin(i));
    await post('pump-7', startMs, [...usual, 500, 500, 500]);
    await post('fan-1', startMs, usual);
    await until('all is scored', async () => (await scored('pump-7')) === 303 && (await scored('fan-1')) === 300);
    const alerts = async () => (await get('/v1/alerts?device=pump-7')).body['alerts'] as object[];
    await until('an alert', async () => (await alerts()).length > 0);

    const { exitCode, out } = await run(['forget', 'pump-7', '--yes', '--json', '--url', redshank.url]);
    assert.equal(exitCode, 0);
    const typo = await run(['forget', 'pump-77', '--yes', '--url', redshank.url]);
    assert.match(typo.err, /no device pump-77 is known: is that its name\?/);
    const { state, remains } = JSON.parse(out) as { state: string; remains: { what: string }[] };
    assert.equal(state, 'forgotten');
    assert.ok(remains.some(({ what }) => what === 'readings and frames in the log'));

    const check = async () => {
      for (const path of ['', '/scores', '/export', '/explain']) {
        assert.equal((await get(`/v1/devices/pump-7${path}`)).status, 404, path);
      }
      assert.deepEqual(await alerts(), []);
      assert.equal(await scored('fan-1'), 300);
    };
    await check();
    await redshank.kill();
    redshank = await RedshankProcess.start({ dataDir });
    await check();

    await post('pump-7', startMs, [1, 2, 3]);
    await until('the new device', async () => (await scored('pump-7')) === 3);
    const { body } = await get('/v1/devices/pump-7/scores');
    const scores = body['scores'] as { phase: string; progress: number }[];
    assert.deepEqual([scores.length, scores[0]?.phase, scores[0]!.progress < 0.1], [3, 'warming', true]);
  });

  it('takes a device that is not known here, and refuses what is no device', async () => {
    redshank = await RedshankProcess.start({ dataDir: folder() });
    const forget = (id: string) => fetch(`${redshank.url}/v1/devices/${id}`, { method: 'DELETE' });
    assert.equal((await forget('never-seen')).status, 200);
    assert.equal((await forget('a%20b')).status, 404);
    const { exitCode, err } = await run(['forget', 'pump-7', '--url', redshank.url]);
    assert.equal(exitCode, 2);
    assert.match(err, /--yes/);
  });
});
