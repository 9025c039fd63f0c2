import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SeriesRun } from '../../models/backtest/series-run.js';
import { decodeArtifact } from '../../models/neural/artifact.js';
import { completeProfile } from '../../models/profiles/profile.js';
import { SeededRandom } from '../../models/simulator/random.js';
import { RedshankProcess } from '../support/redshank-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { pairedRow, trainedModelBytes } from '../support/trained-model.js';
import { until } from '../support/until.js';
import { run } from '../unit/cli/recording-terminal.js';

const ROWS = 700;
const START_MS = Date.UTC(2026, 0, 5);

interface ScoreRow {
  readonly score: number;
  readonly model: string;
}

describe('a trained model', function () {
  this.timeout(180_000);
  const folder = temporaryFolder();
  const rows = (seed: number, from = 0, to = ROWS): [number, number][] => {
    const random = new SeededRandom(seed);
    return Array.from({ length: to - from }, (_, i) => pairedRow(random, from + i));
  };
  const timeOf = (row: number): number => START_MS + 1_000 * row;

  it('is trained, stored, brought into force, outlives a crash, and is rolled back', async () => {
    const home = folder();
    const history = join(home, 'pump-0.csv');
    const lines = rows(1).map(([flow, pressure], i) => `${timeOf(i)},${flow},${pressure}`);
    await writeFile(history, `ts,flow,pressure\n${lines.join('\n')}\n`);
    const trained = await run([
      'train',
      '--from',
      history,
      '--epochs',
      '5',
      '--window',
      '12',
      '--model-path',
      join(home, 'trained'),
      '--json',
    ]);
    assert.equal(trained.exitCode, 0, trained.err);
    const { model: file, report, version: artifact } = JSON.parse(trained.out) as Record<string, string>;
    assert.match(await readFile(report!, 'utf8'), /Redshank training/);
    assert.deepEqual((await readdir(join(file!, '..'))).sort(), ['report.html', 'report.json', 'standard.model']);

    let redshank = await RedshankProcess.start({ dataDir: join(home, 'data') });
    const command = async (...args: string[]): Promise<string> => {
      const { exitCode, out, err } = await run(['models', ...args, '--url', redshank.url, '--json']);
      assert.equal(exitCode, 0, err);
      return out;
    };
    const post = async (from: number, to: number): Promise<void> => {
      const values = rows(2).slice(from, to);
      const readings = values.map(([flow, pressure], i) => ({
        device: 'pump-1',
        ts: timeOf(from + i),
        values: { flow, pressure },
      }));
      const body = JSON.stringify({ readings });
      const answer = await fetch(`${redshank.url}/v1/readings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      assert.equal(answer.status, 202);
    };
    const scored = async (count: number): Promise<ScoreRow[]> => {
      let scores: ScoreRow[] = [];
      await until(`${count} scores`, async () => {
        const answer = await fetch(`${redshank.url}/v1/devices/pump-1/scores?from=0&limit=10000`);
        if (answer.status === 200) ({ scores } = (await answer.json()) as { scores: ScoreRow[] });
        return scores.length === count;
      });
      return scores;
    };
    try {
      const imported = JSON.parse(await command('import', 'standard', file!, '--promote', '--note', 'a test')) as {
        version: string;
      };
      await post(0, 400);
      await scored(400);
      redshank.child.kill('SIGKILL');
      redshank = await RedshankProcess.start({ dataDir: join(home, 'data') });
      await post(400, 600);
      const scores = await scored(600);
      assert.deepEqual(new Set(scores.map(({ model }) => model)), new Set([imported.version]));

      // The same as a backtest with it gives, and not the same as one without.
      const model = decodeArtifact(await readFile(file!));
      const backtest = (detection: object): number[] => {
        const series = new SeriesRun({
          device: 'pump-1',
          channels: ['flow', 'pressure'],
          profile: completeProfile('standard', { detection }),
          models: new Map([[model.version, model]]),
        });
        rows(2)
          .slice(0, 600)
          .forEach((values, i) => series.add(timeOf(i), values));
        series.finish();
        return series.take().map(({ score }) => Number(score.toPrecision(7)));
      };
      const live = scores.map(({ score }) => score);
      assert.deepEqual(live, backtest({ model: artifact }));
      assert.notDeepEqual(live, backtest({}));

      const page = join(home, 'shadow.html');
      const { versions } = JSON.parse(await command('show', 'standard')) as { versions: { version: string }[] };
      const other = versions.find(({ version }) => version !== imported.version)!.version;
      const shadow = [
        'shadow',
        'standard',
        other.slice(0, 8),
        '--device',
        'pump-1',
        '--since',
        '2026-01-01',
        '--report',
        page,
      ];
      const compared = JSON.parse(await command(...shadow)) as {
        challenger: string;
        devices: { rows: number; rankAgreement: number }[];
      };
      assert.equal(compared.challenger, other);
      // 120 rows of 600 are before a device is ready.
      const [{ rows: count, rankAgreement }] = compared.devices as [(typeof compared.devices)[number]];
      assert.ok(count > 450 && count < 600 && rankAgreement > 0.3 && rankAgreement < 1, JSON.stringify(compared));
      assert.match(await readFile(page, 'utf8'), /Redshank models compared/);

      const doctor = await run(['doctor', '--url', redshank.url, '--json']);
      const { findings } = JSON.parse(doctor.out) as { findings: { check: string; message: string }[] };
      assert.match(
        findings.find(({ check }) => check === 'models')!.message,
        /trained models load and score: standard \(.*, 2 channel\(s\)\)/,
      );

      const copy = join(home, 'copy.model');
      await command('export', 'standard', imported.version, copy);
      assert.deepEqual(await readFile(copy), await readFile(file!));
      const layers = join(home, 'layers');
      await command('export', 'standard', imported.version, layers, '--format', 'layers');
      assert.deepEqual((await readdir(layers)).sort(), ['model.json', 'redshank.json', 'weights.bin']);
      assert.deepEqual(await readFile(join(layers, 'weights.bin')), Buffer.from(model.network.weights.buffer));

      await command('rollback', 'standard', '--note', 'a test');
      await post(600, 610);
      assert.notEqual((await scored(610)).at(-1)!.model, imported.version);
      const { history } = JSON.parse(await command('show', 'standard')) as {
        history: { type: string; by: string; note?: string }[];
      };
      assert.deepEqual(
        history.slice(-2).map(({ type, note }) => `${type}: ${note ?? ''}`),
        ['promoted: a test', 'rolled-back: a test'],
      );
    } finally {
      await redshank.stop();
    }
  });

  it('answers predictions, and is refused when it is none', async () => {
    // It takes seconds, in which an idle connection would end.
    const bytes = await trainedModelBytes();
    const redshank = await RedshankProcess.start({ dataDir: folder() });
    const ask = async (path: string, body: unknown, type = 'application/json') => {
      const init = {
        method: 'POST',
        headers: { 'content-type': type },
        body: body instanceof Uint8Array ? body : JSON.stringify(body),
      };
      const answer = await fetch(`${redshank.url}${path}`, init);
      return {
        status: answer.status,
        json: (await answer.json()) as { detail?: string; scores?: { isAnomaly: boolean }[]; version?: string },
      };
    };
    try {
      const data = [...rows(3, 0, 200), [10, 80]];
      const before = await ask('/predict', { data, method: 'autoencoder' });
      assert.equal(before.status, 422);
      assert.match(before.json.detail!, /needs a trained model in force for 2 columns/);

      const store = (body: Uint8Array, name = 'standard') =>
        ask(`/v1/models/${name}/artifact?note=why`, body, 'application/octet-stream');
      const damaged = bytes.slice();
      damaged.set([255, 255, 255, 255], damaged.length - 4);
      for (const [body, words] of [
        [new Uint8Array(0), /must begin with/],
        [bytes.subarray(0, 500), /header/],
        [damaged, /finite number/],
      ] as const) {
        const refused = await store(body);
        assert.equal(refused.status, 422);
        assert.match(refused.json.detail!, words);
      }
      assert.equal((await store(bytes, 'nobody')).status, 404);
      const unknown = await ask('/v1/models', {
        name: 'standard',
        definition: { detection: { model: '0'.repeat(64) } },
      });
      assert.equal(unknown.status, 404);
      assert.match(unknown.json.detail!, /store it first/);

      const quantum = { detection: { detectors: [{ name: 'quantum-kernel' }] } };
      const off = [
        await ask('/v1/models', { name: 'standard', definition: quantum }),
        await ask('/predict', { data, method: 'quantum-kernel' }),
      ];
      assert.deepEqual(
        off.map(({ status, json }) => [status, json.detail?.includes('ENABLE_QUANTUM=true')]),
        [
          [422, true],
          [422, true],
        ],
      );

      const stored = await store(bytes);
      assert.equal(stored.status, 201);
      assert.equal((await ask('/v1/models/standard/promote', { version: stored.json.version })).status, 200);
      const after = await ask('/predict', { data, method: 'autoencoder' });
      assert.equal(after.status, 200);
      const anomalies = after.json.scores!.flatMap(({ isAnomaly }, row) => (isAnomaly ? [row] : []));
      assert.deepEqual(anomalies, [200]);
    } finally {
      await redshank.stop();
    }
  });

  it('is trained by the server, from what it has recorded, and answers go on meanwhile', async () => {
    const redshank = await RedshankProcess.start({ dataDir: folder(), env: { MAX_WORKERS: '1' } });
    const ask = async (path: string, body?: object) => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      const answer = await fetch(`${redshank.url}${path}`, body === undefined ? {} : init);
      const json = (await answer.json()) as Record<string, unknown> & { detail?: string };
      return { status: answer.status, location: answer.headers.get('location'), json };
    };
    try {
      const train = '/v1/models/standard/train';
      assert.equal((await ask('/v1/models/nobody/train', {})).status, 404);
      assert.match((await ask(train, { since: 'soon' })).json.detail!, /since must be/);
      assert.match((await ask(train, { epochs: 0 })).json.detail!, /epochs/);

      const ended = async (location: string) => {
        let training: Record<string, unknown> = {};
        await until('the end of the training', async () => {
          training = (await ask(location)).json;
          return training['state'] !== 'running';
        });
        return training;
      };
      const early = await ask(train, {});
      assert.equal(early.status, 202);
      const failed = await ended(early.location!);
      assert.equal(failed['state'], 'failed');
      assert.match(String(failed['reason']), /no device of the profile standard/);

      const recorded = 2 * ROWS;
      const values = rows(4, 0, recorded).map(([flow, pressure], i) => ({
        device: 'pump-1',
        ts: timeOf(i),
        values: { flow, pressure },
      }));
      assert.equal((await ask('/v1/readings', { readings: values })).status, 202);
      await until('the scores', async () => {
        const { json } = await ask('/v1/devices/pump-1/scores?limit=1');
        const [last] = (json['scores'] ?? []) as { ts: string }[];
        return last !== undefined && Date.parse(last.ts) === timeOf(recorded - 1);
      });
      const begun = await ask(train, { epochs: 400, window: 12, note: 'from a test' });
      assert.deepEqual([begun.status, begun.json['state']], [202, 'running']);
      assert.equal((await ask(train, {})).status, 503);
      const trained = await ended(begun.location!);
      assert.deepEqual([trained['state'], trained['note']], ['done', 'from a test'], JSON.stringify(trained));
      assert.equal('nodeId' in trained, false);
      const { json: version } = await ask(`/v1/models/standard/versions/${String(trained['version'])}`);
      const { detection } = version['definition'] as { detection: { model: string } };
      assert.match(detection.model, /^[0-9a-f]{64}$/);
      const { json: model } = await ask('/v1/models/standard');
      const { champion, challenger } = model['aliases'] as { champion: string; challenger: string };
      assert.notEqual(champion, trained['version']);
      assert.equal(challenger, trained['version']);

      const promote = async (...more: string[]) =>
        run(['models', 'promote', 'standard', 'challenger', '--compared', '--url', redshank.url, ...more]);
      const refused = await promote('--since', '2026-01-05T00:10:00Z');
      assert.deepEqual([refused.exitCode, /at least 1000 are needed/.test(refused.err)], [1, true], refused.err);
      const compared = await promote('--since', '2026-01-01', '--more-alerts', '100');
      assert.match(compared.out, new RegExp(`${challenger} is in force`), compared.err);
      const late = await ask('/v1/models/standard/promote', { version: champion, champion });
      assert.deepEqual([late.status, /compare again/.test(late.json.detail!)], [409, true]);
    } finally {
      await redshank.stop();
    }
  });

  it('tells when a device moves away from what it came into force for', async () => {
    const redshank = await RedshankProcess.start({ dataDir: folder() });
    const post = (path: string, body: object | Uint8Array, type = 'application/json') =>
      fetch(redshank.url + path, {
        method: 'POST',
        headers: { 'content-type': type },
        body: body instanceof Uint8Array ? body : JSON.stringify(body),
      });
    try {
      const drift = async () => {
        const { exitCode, out, err } = await run(['models', 'drift', 'standard', '--url', redshank.url, '--json']);
        assert.equal(exitCode, 0, err);
        return JSON.parse(out) as {
          model: string | null;
          devices: { device: string; verdict: string; inputs: Record<string, number> }[];
          unknown: number;
          suggestion: string | null;
        };
      };
      assert.equal((await drift()).model, null);
      const stored = await post('/v1/models/standard/artifact', await trainedModelBytes(), 'application/octet-stream');
      const { version } = (await stored.json()) as { version: string };
      assert.equal((await post('/v1/models/standard/promote', { version })).status, 200);
      const startMs = Date.now() + 100;
      const readings = ['calm', 'moved'].flatMap((device) =>
        rows(6, 0, 2_400).map(([flow, pressure], i) => ({
          device,
          ts: startMs + 20 * i,
          values: { flow, pressure: device === 'moved' && i >= 1_200 ? pressure + 2 : pressure },
        })),
      );
      assert.equal((await post('/v1/readings', { readings })).status, 202);
      const last = new Date(startMs + 20 * 2_399).toISOString();
      for (const device of ['calm', 'moved']) {
        await until(`the last score of ${device}`, async () => {
          const answer = await fetch(`${redshank.url}/v1/devices/${device}`);
          return ((await answer.json()) as { lastReading?: string }).lastReading === last;
        });
      }
      const { devices, suggestion } = await drift();
      assert.deepEqual(
        devices.map(({ device, verdict }) => [device, verdict]),
        [
          ['moved', 'strong'],
          ['calm', 'stable'],
        ],
        JSON.stringify(devices),
      );
      assert.ok(devices[0]!.inputs['pressure']! > 0.25 && devices[0]!.inputs['flow']! < 0.1);
      assert.match(suggestion!, /1 of 2 devices have moved far .*redshank train --profile standard --device moved/);
    } finally {
      await redshank.stop();
    }
  });
});
