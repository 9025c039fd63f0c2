import assert from 'node:assert/strict';
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { ModelInvalidError } from '../../../../../models/errors.js';
import { buildModel, topologyOf, weightsOf } from '../../../../../models/neural/architectures.js';
import { ARCHITECTURES } from '../../../../../models/neural/artifact.js';
import { shardNames } from '../../../../../models/neural/exchange/layers-model.js';
import { readNetwork } from '../../../../../models/neural/exchange/network-files.js';
import { Network } from '../../../../../models/neural/network.js';
import { openTensorFlow, type TensorFlow } from '../../../../../models/neural/tensorflow.js';
import type { Topology } from '../../../../../models/neural/topology.js';
import { SeededRandom } from '../../../../../models/simulator/random.js';
import {
  layersFiles,
  loadedByTensorFlow,
  savedByTensorFlow,
  savedByUs,
  worstDifference,
  type LayersFiles,
} from '../../../../support/layers-files.js';

const STEPS = 6;
const CHANNELS = 2;
const WINDOWS = [1, 2, 3].map((seed) => {
  const random = new SeededRandom(seed, 'window');
  return Float64Array.from({ length: STEPS * CHANNELS }, () => Math.fround(random.normal()));
});

const refused = (files: LayersFiles, words: RegExp) =>
  assert.throws(
    () => readNetwork(files),
    (error: unknown) => error instanceof ModelInvalidError && words.test(error.message),
  );

describe('the layers format', function () {
  this.timeout(60_000);
  let tensorflow: TensorFlow;
  before(async () => {
    tensorflow = await openTensorFlow('cpu');
  });

  for (const architecture of ARCHITECTURES) {
    describe(`of the architecture ${architecture}`, () => {
      const topology = topologyOf(architecture, { steps: STEPS, channels: CHANNELS, latent: 3 });
      let built: LayersModel;
      let network: Network;
      before(() => {
        built = buildModel(tensorflow, topology, 3);
        network = new Network(topology, weightsOf(built));
      });

      it('is loaded by TensorFlow.js, which answers the same', async () => {
        const model = await loadedByTensorFlow(tensorflow, savedByUs(network));
        assert.ok(worstDifference(tensorflow, model, network, WINDOWS) < 1e-5);
      });

      it('is read again to the bit', () => {
        const again = readNetwork(savedByUs(network));
        assert.deepEqual([again.topology, again.weights], [network.topology, network.weights]);
      });

      it('is read as TensorFlow.js saves it', async () => {
        const again = readNetwork(await savedByTensorFlow(tensorflow, built));
        assert.deepEqual([again.topology, again.weights], [network.topology, network.weights]);
      });
    });
  }

  it('keeps every option of ours', () => {
    const topology: Topology = {
      steps: 8,
      channels: 2,
      layers: [
        { type: 'conv1d', filters: 2, kernelSize: 3, strides: 1, dilation: 2, padding: 'causal', activation: 'elu' },
        { type: 'conv1d', filters: 2, kernelSize: 2, strides: 2, dilation: 1, padding: 'valid', activation: 'selu' },
        { type: 'lstm', units: 2, activation: 'softplus', recurrentActivation: 'hardSigmoid', returnSequences: false },
        { type: 'repeat', steps: 8 },
        { type: 'dense', units: 2, activation: 'hardSigmoid' },
      ],
    };
    // 14 and 10 of the convolutions, 40 of the cells, 6 of the last layer.
    const weights = Float32Array.from({ length: 70 }, (_, i) => i / 7);
    const again = readNetwork(savedByUs(new Network(topology, weights)));
    assert.deepEqual([again.topology, again.weights], [topology, weights]);
  });

  it('is read with layers that do nothing once it is trained, wrapped ones, and ones without a bias', async () => {
    const { layers } = tensorflow.layers;
    const model = tensorflow.layers.sequential({
      layers: [
        layers.lstm({ units: 3, inputShape: [STEPS, CHANNELS], recurrentInitializer: 'glorotUniform' }),
        layers.dropout({ rate: 0.2 }),
        layers.repeatVector({ n: STEPS }),
        layers.lstm({
          units: 3,
          returnSequences: true,
          recurrentActivation: 'hardSigmoid',
          recurrentInitializer: 'glorotUniform',
        }),
        layers.gaussianNoise({ stddev: 0.1 }),
        layers.timeDistributed({ layer: layers.dense({ units: 4, useBias: false }) }),
        layers.activation({ activation: 'tanh' }),
        layers.dense({ units: CHANNELS }),
      ],
    });
    const network = readNetwork(await savedByTensorFlow(tensorflow, model));
    assert.deepEqual(
      network.topology.layers.map(({ type }) => type),
      ['lstm', 'repeat', 'lstm', 'dense', 'dense'],
    );
    assert.ok(worstDifference(tensorflow, model, network, WINDOWS) < 1e-5);
  });

  it('is read from a functional model that is one chain', async () => {
    const { layers, input, model: modelOf } = tensorflow.layers;
    const rows = input({ shape: [STEPS, CHANNELS] });
    const chain = [
      layers.conv1d({ filters: 3, kernelSize: 3, padding: 'same', strides: 2, activation: 'relu' }),
      layers.flatten(),
      layers.dense({ units: STEPS * CHANNELS }),
      layers.reshape({ targetShape: [STEPS, CHANNELS] }),
      layers.activation({ activation: 'sigmoid' }),
    ];
    let tensor: SymbolicTensor = rows;
    for (const layer of chain) tensor = layer.apply(tensor) as SymbolicTensor;
    const model = modelOf({ inputs: rows, outputs: tensor });
    const network = readNetwork(await savedByTensorFlow(tensorflow, model));
    assert.ok(worstDifference(tensorflow, model, network, WINDOWS) < 1e-5);
  });

  it('is refused when a functional model branches', async () => {
    const { layers, input, model: modelOf } = tensorflow.layers;
    const rows = input({ shape: [STEPS, CHANNELS] });
    const one = layers.dense({ units: CHANNELS, name: 'one' }).apply(rows) as SymbolicTensor;
    const model = modelOf({ inputs: rows, outputs: layers.add({ name: 'sum' }).apply([one, rows]) as SymbolicTensor });
    refused(await savedByTensorFlow(tensorflow, model), /layer sum \(Add\) must read one answer of one layer/);
  });

  describe('is refused', () => {
    const dense = { class_name: 'Dense', config: { name: 'only', units: 2, activation: 'linear' } };
    const config = { layers: [{ ...dense, config: { ...dense.config, batch_input_shape: [null, 2, 2] } }] };
    const weights = [
      { name: 'only/kernel', shape: [2, 2], dtype: 'float32' },
      { name: 'only/bias', shape: [2], dtype: 'float32' },
    ];
    const bytes = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);
    const files = (change: object = {}, specs: object[] = weights, data = bytes, paths = ['weights.bin']) =>
      layersFiles(
        {
          modelTopology: { class_name: 'Sequential', config },
          weightsManifest: [{ paths, weights: specs }],
          ...change,
        },
        data,
      );

    it('only when something is wrong', () => {
      assert.deepEqual(readNetwork(files()).weights, Float32Array.of(1, 2, 3, 4, 5, 6));
      const converted = { model_config: { class_name: 'Sequential', config }, keras_version: '2.15.0' };
      assert.deepEqual(readNetwork(files({ modelTopology: converted })).weights.length, 6);
    });

    it('when it is no such file', () => {
      refused({ ...files(), model: Buffer.from('{') }, /model.json must be JSON/);
      refused({ ...files(), model: new Uint8Array(5_000_000) }, /at most 4000000 bytes/);
      refused(files({ modelTopology: undefined }), /must have a modelTopology/);
      refused(files({ format: 'graph-model' }), /format layers-model, got graph-model/);
      refused(files({ weightsManifest: [{ paths: 3 }] }), /wrong weightsManifest/);
    });

    it('when its files are not those it names, or lie elsewhere', () => {
      refused(files({}, weights, bytes, ['other.bin']), /other.bin, which is not there/);
      for (const path of ['../weights.bin', '/etc/passwd', 'a/b.bin', 'C:\\weights.bin', '..']) {
        const { model } = files({}, weights, bytes, [path]);
        assert.throws(() => shardNames(model), /files in its own folder/);
      }
      refused(files({}, weights, bytes.subarray(4)), /weights of 24 bytes, got 20/);
      refused(files({}, weights, new Uint8Array(130_000_000)), /at most 128000000 bytes/);
    });

    it('when its weights are others, or no numbers', () => {
      const [kernel, bias] = weights;
      refused(files({}, [kernel!], bytes.subarray(0, 16)), /layer only must have one bias among the weights, got 0/);
      refused(files({}, [{ ...kernel!, shape: [4, 1] }, bias!]), /kernel of layer only must have the shape \[2, 2\]/);
      refused(files({}, [{ ...kernel!, dtype: 'int32' }, bias!]), /type float32, got int32/);
      refused(files({}, [{ ...kernel!, dtype: 'string' }, bias!]), /type float32, got string/);
      refused(files({}, [{ ...kernel!, quantization: { dtype: 'uint8' } }, bias!]), /not quantized/);
      const damaged = new Uint8Array(Float32Array.of(1, 2, 3, NaN, 5, 6).buffer);
      refused(files({}, weights, damaged), /kernel of layer only must hold finite numbers, got NaN at 3/);
    });
  });
});
