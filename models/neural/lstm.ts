import { activate } from './activation.js';
import { addProduct } from './matrix-product.js';
import type { Layer, PlannedLayer } from './topology.js';

/** What a layer of this kind needs while it runs: gates, and the state of the cells. */
export class LstmScratch {
  readonly gates: Float64Array;
  readonly hidden: Float64Array;
  readonly cell: Float64Array;
  readonly activated: Float64Array;

  constructor(units: number) {
    this.gates = new Float64Array(4 * units);
    this.hidden = new Float64Array(units);
    this.cell = new Float64Array(units);
    this.activated = new Float64Array(units);
  }
}

/**
 * Long short-term memory over the rows of `input`, from an empty memory.
 *
 * Source  Hochreiter & Schmidhuber (1997), Neural Computation 9(8); with the forget gate of Gers, Schmidhuber & Cummins (2000)
 */
export function forwardLstm(
  weights: Float32Array,
  { input: shape, weightsAt }: PlannedLayer,
  layer: Extract<Layer, { type: 'lstm' }>,
  input: Float64Array,
  output: Float64Array,
  { gates, hidden, cell, activated }: LstmScratch,
): void {
  const { units, activation, recurrentActivation, returnSequences } = layer;
  const all = 4 * units;
  const recurrentAt = weightsAt + shape.units * all;
  const biasAt = recurrentAt + units * all;
  hidden.fill(0, 0, units);
  cell.fill(0, 0, units);
  for (let step = 0; step < shape.steps; step++) {
    for (let g = 0; g < all; g++) gates[g] = weights[biasAt + g]!;
    addProduct(weights, weightsAt, input, step * shape.units, shape.units, gates, 0, 0, all);
    addProduct(weights, recurrentAt, hidden, 0, units, gates, 0, 0, all);
    activate(recurrentActivation, gates, 0, 2 * units);
    activate(activation, gates, 2 * units, 3 * units);
    activate(recurrentActivation, gates, 3 * units, all);
    for (let u = 0; u < units; u++) {
      cell[u] = gates[units + u]! * cell[u]! + gates[u]! * gates[2 * units + u]!;
      activated[u] = cell[u]!;
    }
    activate(activation, activated, 0, units);
    for (let u = 0; u < units; u++) hidden[u] = gates[3 * units + u]! * activated[u]!;
    if (returnSequences) for (let u = 0; u < units; u++) output[step * units + u] = hidden[u]!;
  }
  if (!returnSequences) for (let u = 0; u < units; u++) output[u] = hidden[u]!;
}
