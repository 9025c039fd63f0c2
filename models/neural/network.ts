/**
 * A network in plain loops over arrays: the same bits on every machine, in no more time than a tensor library needs for a full
 * batch (`npm run bench -- neural`), and without leaving the thread. Scores that are computed again after a crash must be equal,
 * so this, and no backend, is what scores a device; `docs/decisions/0011-a-network-is-scored-in-plain-loops.md` has the figures.
 */
import { ModelInvalidError } from '../errors.js';
import { activate } from './activation.js';
import { forwardLstm, LstmScratch } from './lstm.js';
import { addProduct } from './matrix-product.js';
import { paddingBefore, planLayers, weightCount, type PlannedLayer, type Topology } from './topology.js';

export class Network {
  readonly topology: Topology;
  readonly planned: readonly PlannedLayer[];
  readonly weights: Float32Array;
  /** Numbers a layer hands on; used again for every window. */
  readonly #outputs: readonly Float64Array[];
  readonly #lstm: LstmScratch;
  /** The last layer that computes: those behind it only name its numbers otherwise. */
  readonly #last: number;

  /**
   * @param weights all arrays of all layers one after the other, row by row
   * @throws ModelInvalidError when they do not fit, or are no finite numbers
   */
  constructor(topology: Topology, weights: Float32Array) {
    this.planned = planLayers(topology);
    const expected = weightCount(this.planned);
    if (weights.length !== expected)
      throw new ModelInvalidError(`the layers must have ${expected} weights, got ${weights.length}`);
    const bad = weights.findIndex((weight) => !Number.isFinite(weight));
    if (bad >= 0) throw new ModelInvalidError(`every weight must be a finite number, got ${weights[bad]} at ${bad}`);
    this.topology = topology;
    this.weights = weights;
    this.#outputs = this.planned.map(({ output }) => new Float64Array(output.steps * output.units));
    this.#lstm = new LstmScratch(
      Math.max(0, ...this.planned.map(({ layer }) => (layer.type === 'lstm' ? layer.units : 0))),
    );
    this.#last = this.planned.findLastIndex(({ weightShapes }) => weightShapes.length > 0);
    if (this.#last < 0) throw new ModelInvalidError('a model must have a layer with weights, got none');
  }

  /**
   * Reconstructs a window.
   *
   * @param window `steps` × `channels` numbers, row by row
   * @param fromRow rows before it need not be computed. Default: 0
   * @returns as `window`, valid from `fromRow` on and until the next call
   */
  run(window: Float64Array, fromRow = 0): Float64Array {
    let input = window;
    for (let i = 0; i < this.planned.length; i++) {
      const planned = this.planned[i]!;
      const output = this.#outputs[i]!;
      const from = i === this.#last ? fromRow * this.topology.channels : 0;
      this.#forward(planned, input, output, from);
      input = output;
    }
    return input;
  }

  #forward(planned: PlannedLayer, input: Float64Array, output: Float64Array, from: number): void {
    const { layer } = planned;
    switch (layer.type) {
      case 'dense':
        forwardDense(this.weights, planned, input, output, from);
        activate(layer.activation, output, from, output.length);
        break;
      case 'conv1d':
        forwardConvolution(this.weights, planned, layer, input, output, from);
        activate(layer.activation, output, from, output.length);
        break;
      case 'lstm':
        forwardLstm(this.weights, planned, layer, input, output, this.#lstm);
        break;
      case 'repeat':
        for (let s = 0; s < layer.steps; s++) output.set(input, s * input.length);
        break;
      default:
        output.set(input);
    }
  }
}

/** y = x·W + b, for every row; `from`: first number of the output that is wanted. */
function forwardDense(
  weights: Float32Array,
  { input: shape, output: { units }, weightsAt }: PlannedLayer,
  input: Float64Array,
  output: Float64Array,
  from: number,
): void {
  const biasAt = weightsAt + shape.units * units;
  for (let row = Math.floor(from / units); row < shape.steps; row++) {
    const at = row * units;
    const first = Math.max(0, from - at);
    for (let u = first; u < units; u++) output[at + u] = weights[biasAt + u]!;
    addProduct(weights, weightsAt, input, row * shape.units, shape.units, output, at, first, units);
  }
}

function forwardConvolution(
  weights: Float32Array,
  { input: shape, output: { steps, units }, weightsAt }: PlannedLayer,
  layer: Extract<PlannedLayer['layer'], { type: 'conv1d' }>,
  input: Float64Array,
  output: Float64Array,
  from: number,
): void {
  const { kernelSize, strides, dilation } = layer;
  const before = paddingBefore(layer, shape.steps);
  const biasAt = weightsAt + kernelSize * shape.units * units;
  for (let step = Math.floor(from / units); step < steps; step++) {
    const at = step * units;
    for (let u = 0; u < units; u++) output[at + u] = weights[biasAt + u]!;
    for (let k = 0; k < kernelSize; k++) {
      const row = step * strides + k * dilation - before;
      if (row < 0 || row >= shape.steps) continue;
      const kernelAt = weightsAt + k * shape.units * units;
      addProduct(weights, kernelAt, input, row * shape.units, shape.units, output, at, 0, units);
    }
  }
}
