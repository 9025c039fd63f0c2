import assert from 'node:assert/strict';
import { RequestInvalidError } from '../../../../models/errors.js';
import { encodeArtifact } from '../../../../models/neural/artifact.js';
import { openTensorFlow } from '../../../../models/neural/tensorflow.js';
import { trainAutoencoder, type EpochReport } from '../../../../models/neural/training.js';
import { createTrainingSet } from '../../../../models/neural/training-set.js';
import { pairedSeries, trainedModelBytes, TRAINING } from '../../../support/trained-model.js';

describe('a training', function () {
  this.timeout(120_000);
  let tensorflow: Awaited<ReturnType<typeof openTensorFlow>>;

  before(async () => {
    tensorflow = await openTensorFlow('wasm');
  });

  it('gives the same bytes for the same data and seed', async () => {
    const { header, weights } = await trainAutoencoder(tensorflow, pairedSeries(1_000), TRAINING);
    assert.deepEqual(encodeArtifact(header, weights), await trainedModelBytes());
  });

  it('gives another model for another seed', async () => {
    const few = { ...TRAINING, epochs: 1 };
    const [one, other] = [
      await trainAutoencoder(tensorflow, pairedSeries(500), few),
      await trainAutoencoder(tensorflow, pairedSeries(500), { ...few, seed: 8 }),
    ];
    assert.notDeepEqual(one.weights, other.weights);
    assert.equal(one.header.training.fingerprint, other.header.training.fingerprint);
  });

  for (const architecture of ['dense', 'lstm', 'convolution'] as const) {
    it(`learns to restore ordinary windows with ${architecture}`, async () => {
      const reports: EpochReport[] = [];
      const options = { ...TRAINING, architecture, epochs: 8 };
      await trainAutoencoder(tensorflow, pairedSeries(1_000), options, (report) => reports.push(report));
      assert.ok(reports.at(-1)!.validationLoss < 0.7 * reports[0]!.validationLoss, JSON.stringify(reports));
    });
  }

  it('stops when it gets no better, and keeps the best', async () => {
    // Noise: there is nothing to learn that holds.
    const [first] = pairedSeries(600, 1);
    const noise = {
      ...first!,
      values: first!.values.map(
        (_, i) => Math.sin(i * i * 12.9898) * 43_758.5453 - Math.floor(Math.sin(i * i * 12.9898) * 43_758.5453),
      ),
    };
    const reports: EpochReport[] = [];
    const options = { ...TRAINING, epochs: 400 };
    const { header } = await trainAutoencoder(tensorflow, [noise], options, (report) => reports.push(report));
    const best = Math.min(...header.training.validationLoss);
    assert.ok(reports.length < 400);
    assert.equal(reports.findLast(({ isBest }) => isBest)!.validationLoss, best);
  });

  it('ends at once when it is told to', async () => {
    const abort = new AbortController();
    const training = trainAutoencoder(tensorflow, pairedSeries(1_000), TRAINING, () => abort.abort(), abort.signal);
    await assert.rejects(training, { name: 'AbortError' });
  });

  it('says how much it needs', async () => {
    await assert.rejects(
      trainAutoencoder(tensorflow, pairedSeries(40), TRAINING),
      (error: unknown) => error instanceof RequestInvalidError && /at least 200 windows of 12/.test(error.message),
    );
  });
});

describe('windows to learn from', () => {
  const rowsOf = (windows: Int32Array) => [...windows].filter((_, i) => i % 2 === 1);

  it('are split by time, and share no row', () => {
    const set = createTrainingSet(pairedSeries(1_000, 1), 2, 12);
    assert.equal(Math.max(...rowsOf(set.training)) + 12, Math.min(...rowsOf(set.validation)));
  });

  it('leave out what was strange', () => {
    const [series] = pairedSeries(1_000, 1);
    const set = createTrainingSet([{ ...series!, excluded: [[300, 310]] }], 2, 12);
    const touched = [...rowsOf(set.training), ...rowsOf(set.validation)].filter(
      (last) => last >= 300 && last - 11 <= 310,
    );
    assert.deepEqual(touched, []);
  });

  it('fill a gap with the value before', () => {
    const [series] = pairedSeries(1_000, 1);
    const values = series!.values.slice();
    values[2 * 500] = NaN;
    const [rows] = createTrainingSet([{ ...series!, values }], 2, 12).rows;
    assert.equal(rows![2 * 500], rows![2 * 499]);
  });

  it('are of devices that have every channel: others would spoil what is known of these', () => {
    const [pump] = pairedSeries(1_000, 1);
    const timesMs = pump!.timesMs;
    const onlyFlow = { ...pump!, device: 'valve', values: pump!.values.map((value, i) => (i % 2 === 1 ? NaN : value)) };
    const neither = { device: 'door', timesMs: timesMs.subarray(0, 0), values: new Float64Array(0), excluded: [] };
    const [alone, among] = [createTrainingSet([pump!], 2, 12), createTrainingSet([neither, pump!, onlyFlow], 2, 12)];
    assert.deepEqual(among.series, [pump]);
    assert.deepEqual(among.normaliser, alone.normaliser);
    assert.deepEqual(among.training, alone.training);
  });
});
