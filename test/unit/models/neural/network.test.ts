import assert from 'node:assert/strict';
import { buildModel, topologyOf, weightsOf } from '../../../../models/neural/architectures.js';
import { ARCHITECTURES } from '../../../../models/neural/artifact.js';
import { Network } from '../../../../models/neural/network.js';
import { BACKENDS, openTensorFlow } from '../../../../models/neural/tensorflow.js';
import { planLayers, weightCount, type Topology } from '../../../../models/neural/topology.js';
import { SeededRandom } from '../../../../models/simulator/random.js';

const STEPS = 14;
const CHANNELS = 3;
const ARCHITECTURE = { steps: STEPS, channels: CHANNELS, latent: 4 };

function randomWindow(seed: number): Float64Array {
  const random = new SeededRandom(seed, 'window');
  return Float64Array.from({ length: STEPS * CHANNELS }, () => Math.fround(random.normal()));
}

describe('a network', () => {
  it('computes a dense layer, by hand', () => {
    // Kernel [[1, 2], [3, 4]], bias [10, 20], over the rows [1, 1] and [−20, 1].
    const topology: Topology = { steps: 2, channels: 2, layers: [{ type: 'dense', units: 2, activation: 'relu' }] };
    const network = new Network(topology, Float32Array.of(1, 2, 3, 4, 10, 20));
    assert.deepEqual([...network.run(Float64Array.of(1, 1, -20, 1))], [14, 26, 0, 0]);
  });

  it('computes a convolution, by hand', () => {
    const layer = { type: 'conv1d', filters: 1, kernelSize: 2, strides: 1, dilation: 2, activation: 'linear' } as const;
    const causal: Topology = { steps: 4, channels: 1, layers: [{ ...layer, padding: 'causal' }] };
    // y(t) = 1·x(t − 2) + 10·x(t) + 0.5
    const network = new Network(causal, Float32Array.of(1, 10, 0.5));
    assert.deepEqual([...network.run(Float64Array.of(1, 2, 3, 4))], [10.5, 20.5, 31.5, 42.5]);
  });

  it('computes a memory cell, by hand', () => {
    // One unit, kernel and recurrent kernel 0: all gates are sigmoid(0) = ½, the candidate is tanh(1).
    const layer = { type: 'lstm', units: 1, activation: 'tanh', recurrentActivation: 'sigmoid' } as const;
    const topology: Topology = { steps: 2, channels: 1, layers: [{ ...layer, returnSequences: true }] };
    const weights = Float32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0);
    const first = 0.5 * Math.tanh(1);
    const second = 0.5 * first + 0.5 * Math.tanh(1);
    const output = [...new Network(topology, weights).run(Float64Array.of(3, 4))];
    assert.deepEqual(output, [0.5 * Math.tanh(first), 0.5 * Math.tanh(second)]);
  });

  for (const architecture of ARCHITECTURES) {
    it(`gives the last row of ${architecture} alone as in the whole window`, () => {
      const network = randomNetwork(topologyOf(architecture, ARCHITECTURE));
      const whole = [...network.run(randomWindow(1)).subarray((STEPS - 1) * CHANNELS)];
      network.run(randomWindow(9));
      assert.deepEqual([...network.run(randomWindow(1), STEPS - 1).subarray((STEPS - 1) * CHANNELS)], whole);
    });
  }
});

function randomNetwork(topology: Topology): Network {
  const random = new SeededRandom(2);
  const count = weightCount(planLayers(topology));
  return new Network(
    topology,
    Float32Array.from({ length: count }, () => 0.3 * random.normal()),
  );
}

for (const backend of BACKENDS) {
  describe(`a network and the backend ${backend}`, function () {
    this.timeout(60_000);
    let tensorflow: Awaited<ReturnType<typeof openTensorFlow>>;

    before(async function () {
      try {
        tensorflow = await openTensorFlow(backend);
      } catch (error) {
        console.log(`    skipped: ${String(error)}`);
        this.skip();
      }
    });

    for (const architecture of ARCHITECTURES) {
      it(`agree to 1e-4 on ${architecture}`, () => {
        const topology = topologyOf(architecture, ARCHITECTURE);
        const model = buildModel(tensorflow, topology, 3);
        const network = new Network(topology, weightsOf(model));
        for (let seed = 0; seed < 5; seed++) {
          const window = randomWindow(seed);
          const input = tensorflow.tf.tensor3d(Float32Array.from(window), [1, STEPS, CHANNELS]);
          const output = model.predict(input) as typeof input;
          const expected = output.dataSync();
          const actual = network.run(window);
          const worst = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)));
          assert.ok(worst < 1e-4, `worst difference ${worst}`);
          tensorflow.tf.dispose([input, output]);
        }
        model.dispose();
      });
    }
  });
}
