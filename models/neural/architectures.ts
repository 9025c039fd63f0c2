/** The three autoencoders that can be trained here. Each squeezes a window through few numbers and restores it. */
import type { Architecture } from './artifact.js';
import type { TensorFlow } from './tensorflow.js';
import type { Topology } from './topology.js';

export interface ArchitectureOptions {
  /** Rows of a window. */
  readonly steps: number;
  readonly channels: number;
  /** Numbers that a window is squeezed into. */
  readonly latent: number;
}

const SIGMOID_LSTM = { type: 'lstm', activation: 'tanh', recurrentActivation: 'sigmoid' } as const;
const CONVOLUTION = { type: 'conv1d', dilation: 1, padding: 'same', kernelSize: 5 } as const;
const FILTERS = 16;

/**
 * Layers of an architecture.
 *
 * - `dense`: the whole window at once; the fastest, and the default
 * - `lstm`: row by row into a memory, and out of it again; after Malhotra et al. (2016), LSTM-based encoder-decoder for multi-sensor
 *   anomaly detection
 * - `convolution`: patterns in time wherever in the window they are
 */
export function topologyOf(architecture: Architecture, { steps, channels, latent }: ArchitectureOptions): Topology {
  const hidden = 4 * latent;
  const shape = { steps, channels };
  switch (architecture) {
    case 'dense':
      return {
        ...shape,
        layers: [
          { type: 'flatten' },
          { type: 'dense', units: hidden, activation: 'relu' },
          { type: 'dense', units: latent, activation: 'linear' },
          { type: 'dense', units: hidden, activation: 'relu' },
          { type: 'dense', units: steps * channels, activation: 'linear' },
          { type: 'reshape', steps, units: channels },
        ],
      };
    case 'lstm':
      return {
        ...shape,
        layers: [
          { ...SIGMOID_LSTM, units: 2 * latent, returnSequences: false },
          { type: 'dense', units: latent, activation: 'linear' },
          { type: 'repeat', steps },
          { ...SIGMOID_LSTM, units: 2 * latent, returnSequences: true },
          { type: 'dense', units: channels, activation: 'linear' },
        ],
      };
    case 'convolution':
      return {
        ...shape,
        layers: [
          { ...CONVOLUTION, filters: FILTERS, strides: 2, activation: 'relu' },
          { ...CONVOLUTION, filters: FILTERS, strides: 2, activation: 'relu' },
          { type: 'flatten' },
          { type: 'dense', units: latent, activation: 'linear' },
          { type: 'dense', units: steps * FILTERS, activation: 'relu' },
          { type: 'reshape', steps, units: FILTERS },
          { ...CONVOLUTION, filters: channels, strides: 1, activation: 'linear' },
        ],
      };
  }
}

/** The same in TensorFlow.js, with weights that follow from the seed. */
export function buildModel(
  { layers }: TensorFlow,
  topology: Topology,
  seed: number,
): ReturnType<typeof layers.sequential> {
  const model = layers.sequential();
  model.add(layers.layers.inputLayer({ inputShape: [topology.steps, topology.channels] }));
  let next = seed;
  const initializer = () => layers.initializers.glorotUniform({ seed: next++ });
  for (const layer of topology.layers) {
    switch (layer.type) {
      case 'dense':
        model.add(
          layers.layers.dense({ units: layer.units, activation: layer.activation, kernelInitializer: initializer() }),
        );
        break;
      case 'lstm':
        model.add(
          layers.layers.lstm({
            units: layer.units,
            activation: layer.activation,
            recurrentActivation: layer.recurrentActivation,
            returnSequences: layer.returnSequences,
            kernelInitializer: initializer(),
            recurrentInitializer: initializer(),
          }),
        );
        break;
      case 'conv1d':
        model.add(
          layers.layers.conv1d({
            filters: layer.filters,
            kernelSize: layer.kernelSize,
            strides: layer.strides,
            dilationRate: layer.dilation,
            padding: layer.padding,
            activation: layer.activation,
            kernelInitializer: initializer(),
          }),
        );
        break;
      case 'flatten':
        model.add(layers.layers.flatten());
        break;
      case 'reshape':
        model.add(layers.layers.reshape({ targetShape: [layer.steps, layer.units] }));
        break;
      case 'repeat':
        model.add(layers.layers.repeatVector({ n: layer.steps }));
    }
  }
  return model;
}

/** All weights of a model, as `Network` takes them. */
export function weightsOf(model: {
  getWeights(): readonly { dataSync(): ArrayLike<number>; readonly size: number }[];
}): Float32Array {
  const arrays = model.getWeights();
  const weights = new Float32Array(arrays.reduce((sum, { size }) => sum + size, 0));
  let at = 0;
  for (const array of arrays) {
    weights.set(array.dataSync(), at);
    at += array.size;
  }
  return weights;
}
