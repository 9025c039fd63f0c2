import assert from 'node:assert/strict';
import { ModelInvalidError, RequestInvalidError } from '../../../../models/errors.js';
import { decodeArtifact, encodeArtifact } from '../../../../models/neural/artifact.js';
import { calibrateImported } from '../../../../models/neural/calibration.js';
import { Network } from '../../../../models/neural/network.js';
import { CHANNELS, pairedSeries, trainedModel } from '../../../support/trained-model.js';

const OPTIONS = { channels: CHANNELS, codeVersion: 'test' };

describe('a network that was trained elsewhere', function () {
  this.timeout(60_000);

  it('comes to know of the data what a training here would have told it', async () => {
    const { header, network } = await trainedModel();
    const imported = calibrateImported(network, pairedSeries(1_000), OPTIONS).header;
    assert.deepEqual(imported.normaliser, header.normaliser);
    assert.deepEqual(imported.errors, header.errors);
    const { fingerprint, rows, devices, fromMs, toMs } = header.training;
    assert.deepEqual(imported.training, {
      ...{ fingerprint, rows, devices, fromMs, toMs, codeVersion: 'test' },
      ...{ windows: 561, epochs: 0, seed: 0, backend: 'none', loss: [], validationLoss: [] },
    });
  });

  it('is stored as it was', async () => {
    const { network } = await trainedModel();
    const { header, weights } = calibrateImported(network, pairedSeries(1_000), OPTIONS);
    const stored = decodeArtifact(encodeArtifact(header, weights));
    assert.equal(stored.header.architecture, 'imported');
    assert.deepEqual([stored.network.topology, stored.network.weights], [network.topology, network.weights]);
  });

  it('must read as many channels as the data have, and answer with numbers', async () => {
    const { network } = await trainedModel();
    assert.throws(
      () => calibrateImported(network, pairedSeries(1_000), { ...OPTIONS, channels: ['flow'] }),
      (error) =>
        error instanceof RequestInvalidError && /as many channels as the network reads, 2, got 1/.test(error.message),
    );
    const layer = { type: 'dense', units: 2, activation: 'linear' } as const;
    const topology = { steps: 12, channels: 2, layers: Array.from({ length: 16 }, () => layer) };
    const wild = new Network(topology, new Float32Array(16 * 6).fill(1e38));
    assert.throws(
      () => calibrateImported(wild, pairedSeries(1_000), OPTIONS),
      (error) => error instanceof ModelInvalidError && /with finite numbers/.test(error.message),
    );
  });
});
