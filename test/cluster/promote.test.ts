/** A trained model comes into force, and is rolled back, while readings come and scorers die: each at one point of every log. */
import assert from 'node:assert/strict';
import { decodeArtifact, encodeArtifact } from '../../models/neural/artifact.js';
import { openTensorFlow } from '../../models/neural/tensorflow.js';
import { trainAutoencoder } from '../../models/neural/training.js';
import type { TrainingSeries } from '../../models/neural/training-set.js';
import { Fleet } from '../../models/simulator/fleet.js';
import { needsNatsServer } from '../support/nats-server.js';
import { needsRedis } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { ChaosRun } from './chaos-run.js';
import { FLAWLESS } from './oracle.js';

const PARTS = [
  { name: 'door', services: ['gateway', 'ingest'] },
  { name: 'registry', services: ['model-registry'] },
  { name: 'window', services: ['window'] },
  { name: 'scorer-1', services: ['scorer'], isProxied: true },
  { name: 'scorer-2', services: ['scorer'], isProxied: true },
  { name: 'alerting', services: ['alerting'] },
] as const;
const START_MS = Date.UTC(2026, 0, 1);

describe('promoting a trained model in a cluster', function () {
  this.timeout(300_000);
  let run: ChaosRun | undefined;

  before(function () {
    needsNatsServer(this);
  });
  needsRedis(this);
  afterEach(async function () {
    if (this.currentTest?.isFailed() === true && run !== undefined) console.log(run.cluster.report());
    await run?.stop();
    run = undefined;
  });

  it('swaps it at one point of each log, also when a scorer dies in that second', async () => {
    const bytes = await modelOfPumps();
    const model = decodeArtifact(bytes);
    run = await ChaosRun.start({ seed: 11, readingsASecond: 300, parts: PARTS, partitions: 4 });
    const { cluster, load } = run;
    const ask = async (
      path: string,
      body: string | Uint8Array<ArrayBuffer>,
      type: string,
    ): Promise<Record<string, unknown>> => {
      const init = { method: 'POST', headers: { 'content-type': type }, body };
      const answer = await fetch(`${cluster.url}/v1/models/standard/${path}`, init);
      const json = (await answer.json()) as Record<string, unknown>;
      assert.ok(answer.ok, JSON.stringify(json));
      return json;
    };
    const more = async (readings: number): Promise<void> => {
      const from = load.counts.acknowledged;
      await until('more readings', () => load.counts.acknowledged > from + readings, 60_000);
    };
    const change = async (path: string, body: object, dies: string): Promise<void> => {
      const part = cluster.part(dies);
      await Promise.all([ask(path, JSON.stringify(body), 'application/json'), part.kill9()]);
      await more(600);
      part.start();
      await cluster.settled();
      await more(600);
    };

    await more(1_000);
    const { version } = await ask('artifact', bytes as Uint8Array<ArrayBuffer>, 'application/octet-stream');
    await change('promote', { version }, 'scorer-1');
    await change('rollback', {}, 'scorer-2');

    // Without a registry all goes on with what is in force, and the door says that it is away.
    const registry = cluster.part('registry');
    await registry.kill9();
    await more(600);
    const ready = await fetch(`${cluster.url}/ready`);
    assert.deepEqual([ready.status, await ready.json()], [200, { status: 'ready', away: ['model-registry'] }]);
    registry.start();
    await cluster.settled();

    const { verdict, evidence, shown } = await run.judge(new Map([[model.version, model]]));
    assert.deepEqual(verdict, FLAWLESS, evidence.examples.join('\n'));
    assert.deepEqual([load.faults, shown], [[], []]);
    for (const versions of run.versions()) {
      const [before] = versions;
      assert.deepEqual(versions, [before, version, before]);
    }
    assert.ok(evidence.snapshots > 0 && evidence.scoreRows >= evidence.acknowledged, JSON.stringify(evidence));
  });
});

/** Pumps as the load has them; all other devices go on without it. */
async function modelOfPumps(): Promise<Uint8Array> {
  const channels = ['temp', 'vib', 'pressure'];
  const intervalMs = 10_000;
  const fleet = new Fleet({ seed: 3, devices: 4, kinds: ['pump'], intervalMs, startMs: START_MS, missing: 0 });
  const rows = new Map<string, { timesMs: number[]; values: number[] }>();
  for (let step = 1; step <= 600; step++) {
    for (const { device, ts, values } of fleet.step(START_MS + step * intervalMs)) {
      const row = rows.get(device) ?? { timesMs: [], values: [] };
      rows.set(device, row);
      row.timesMs.push(ts);
      row.values.push(...channels.map((name) => values[name]!));
    }
  }
  const series = [...rows].map(([device, { timesMs, values }]): TrainingSeries => ({
    device,
    timesMs: Float64Array.from(timesMs),
    values: Float64Array.from(values),
    excluded: [],
  }));
  const options = {
    architecture: 'dense',
    channels,
    steps: 12,
    latent: 4,
    epochs: 5,
    seed: 1,
    codeVersion: 'test',
  } as const;
  const { header, weights } = await trainAutoencoder(await openTensorFlow('wasm'), series, options);
  return encodeArtifact(header, weights);
}
