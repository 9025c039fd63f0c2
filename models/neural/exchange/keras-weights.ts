import { ModelInvalidError } from '../../errors.js';
import { Network } from '../network.js';
import { planLayers, sizeOf, weightCount } from '../topology.js';
import { told } from './json-bytes.js';
import type { KerasModel, WeightSource } from './keras-config.js';

/** How Keras names the arrays of a layer, in our order. */
export type WeightRole = 'kernel' | 'recurrent_kernel' | 'bias';
const ROLES: Readonly<Record<string, readonly WeightRole[]>> = {
  dense: ['kernel', 'bias'],
  conv1d: ['kernel', 'bias'],
  lstm: ['kernel', 'recurrent_kernel', 'bias'],
};

export interface ForeignArray {
  readonly shape: readonly number[];
  /** Called only where the shape is the one that is expected. */
  values(): ArrayLike<number>;
}

/**
 * @param find an array of a layer; `at`: which one of the layer's arrays it is
 * @throws ModelInvalidError naming the array that is missing, of another shape, or holds what is no number
 */
export function networkFrom(
  { topology, sources }: KerasModel,
  find: (source: WeightSource, role: WeightRole, at: number) => ForeignArray,
): Network {
  const planned = planLayers(topology);
  const weights = new Float32Array(weightCount(planned));
  planned
    .filter(({ weightShapes }) => weightShapes.length > 0)
    .forEach(({ layer, weightsAt, weightShapes }, i) => {
      const source = sources[i]!;
      let at = weightsAt;
      weightShapes.forEach((shape, which) => {
        const role = ROLES[layer.type]![which]!;
        if (role !== 'bias' || source.hasBias) {
          copyArray(find(source, role, which), shape, weights, at, `${role} of layer ${told(source.name)}`);
        }
        at += sizeOf([shape]);
      });
    });
  return new Network(topology, weights);
}

function copyArray(
  array: ForeignArray,
  shape: readonly number[],
  weights: Float32Array,
  from: number,
  what: string,
): void {
  if (array.shape.length !== shape.length || shape.some((size, i) => array.shape[i] !== size)) {
    throw new ModelInvalidError(`the ${what} must have the shape [${shape.join(', ')}], got ${told(array.shape)}`);
  }
  const values = array.values();
  const count = sizeOf([shape]);
  for (let i = 0; i < count; i++) {
    weights[from + i] = values[i]!;
    if (!Number.isFinite(weights[from + i]))
      throw new ModelInvalidError(`the ${what} must hold finite numbers, got ${told(String(values[i]))} at ${i}`);
  }
}
