/**
 * What a network consists of: a chain of layers out of a short list. Nothing else of a model that comes from outside is looked at,
 * so loading one runs no code of its maker.
 */
import { Type, type Static } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { ModelInvalidError } from '../errors.js';

const Units = Type.Integer({ minimum: 1, maximum: 65_536 });
const Activation = Type.Union([
  Type.Literal('linear'),
  Type.Literal('relu'),
  Type.Literal('tanh'),
  Type.Literal('sigmoid'),
  Type.Literal('hardSigmoid'),
  Type.Literal('elu'),
  Type.Literal('selu'),
  Type.Literal('softplus'),
]);
export type Activation = Static<typeof Activation>;

const strict = { additionalProperties: false } as const;

/** Weights in the layout of Keras: `[in, units]`, then the bias. */
const Dense = Type.Object({ type: Type.Literal('dense'), units: Units, activation: Activation }, strict);
/** Kernel `[in, 4·units]`, recurrent kernel `[units, 4·units]`, bias `[4·units]`, each in the order input, forget, cell, output. */
const Lstm = Type.Object(
  {
    type: Type.Literal('lstm'),
    units: Units,
    activation: Activation,
    recurrentActivation: Activation,
    /** True: the output of every step; false: that of the last alone. */
    returnSequences: Type.Boolean(),
  },
  strict,
);
/** Kernel `[size, in, filters]`, then the bias. `same`: as long as the input, but for strides. `causal`: without looking ahead. */
const Convolution = Type.Object(
  {
    type: Type.Literal('conv1d'),
    filters: Units,
    kernelSize: Type.Integer({ minimum: 1, maximum: 1_024 }),
    strides: Type.Integer({ minimum: 1, maximum: 64 }),
    dilation: Type.Integer({ minimum: 1, maximum: 1_024 }),
    padding: Type.Union([Type.Literal('same'), Type.Literal('valid'), Type.Literal('causal')]),
    activation: Activation,
  },
  strict,
);
const Flatten = Type.Object({ type: Type.Literal('flatten') }, strict);
const Reshape = Type.Object({ type: Type.Literal('reshape'), steps: Units, units: Units }, strict);
/** The vector, `steps` times. */
const Repeat = Type.Object({ type: Type.Literal('repeat'), steps: Units }, strict);

const Layer = Type.Union([Dense, Lstm, Convolution, Flatten, Reshape, Repeat]);
export type Layer = Static<typeof Layer>;

/** Reads a window of `steps` rows of `channels` numbers and answers with one of the same shape. */
export const Topology = Type.Object(
  {
    steps: Type.Integer({ minimum: 2, maximum: 1_024 }),
    channels: Type.Integer({ minimum: 1, maximum: 256 }),
    layers: Type.Array(Layer, { minItems: 1, maxItems: 32 }),
  },
  strict,
);
export type Topology = Static<typeof Topology>;

/** What flows between layers: `steps` rows of `units` numbers; a vector has one row, and `isVector`. */
export interface Shape {
  readonly steps: number;
  readonly units: number;
  readonly isVector: boolean;
}

export interface PlannedLayer {
  readonly layer: Layer;
  readonly input: Shape;
  readonly output: Shape;
  /** Where its weights begin among all of them, and the shapes of its arrays, one after the other. */
  readonly weightsAt: number;
  readonly weightShapes: readonly (readonly number[])[];
}

/** Numbers in all layers together, 14 MB: an artifact fits into the body of a request. */
export const MOST_WEIGHTS = 3_500_000;
/** Numbers that flow between two layers. */
const MOST_VALUES = 1_000_000;
/** Multiplications a window, about half a second: more would stop a scorer that is asked for every frame. */
export const MOST_WORK = 500_000_000;

/**
 * The shapes of all layers and where their weights lie.
 *
 * @throws ModelInvalidError naming the layer that does not fit
 */
export function planLayers(topology: unknown): readonly PlannedLayer[] {
  if (!Value.Check(Topology, topology)) {
    const first = Value.Errors(Topology, topology).First();
    throw new ModelInvalidError(
      `topology${first?.path.replaceAll('/', '.') ?? ''} must be a layer that is known: ${first?.message.toLowerCase() ?? ''}`,
    );
  }
  const planned: PlannedLayer[] = [];
  let input: Shape = { steps: topology.steps, units: topology.channels, isVector: false };
  let weightsAt = 0;
  let work = 0;
  topology.layers.forEach((layer, i) => {
    const refuse = (expected: string): never => {
      throw new ModelInvalidError(`layer ${i} (${layer.type}) ${expected}, got ${describeShape(input)}`);
    };
    const output = outputShape(layer, input, refuse);
    if (output.steps * output.units > MOST_VALUES) refuse(`must answer with at most ${MOST_VALUES} numbers`);
    const weightShapes = weightShapesOf(layer, input);
    planned.push({ layer, input, output, weightsAt, weightShapes });
    weightsAt += sizeOf(weightShapes);
    work += workOf(layer, input, output);
    input = output;
  });
  if (weightsAt > MOST_WEIGHTS)
    throw new ModelInvalidError(`a model must have at most ${MOST_WEIGHTS} weights, got ${weightsAt}`);
  if (work > MOST_WORK)
    throw new ModelInvalidError(`a window must cost at most ${MOST_WORK} multiplications, got ${work}`);
  if (input.steps !== topology.steps || input.units !== topology.channels || input.isVector) {
    throw new ModelInvalidError(
      `the last layer must answer with ${topology.steps} rows of ${topology.channels} numbers, got ${describeShape(input)}`,
    );
  }
  return planned;
}

/** Weights of the whole network. */
export function weightCount(planned: readonly PlannedLayer[]): number {
  const last = planned.at(-1);
  return last === undefined ? 0 : last.weightsAt + sizeOf(last.weightShapes);
}

export function sizeOf(shapes: readonly (readonly number[])[]): number {
  return shapes.reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0);
}

/** Numbers of padding before a convolution's input, as Keras and TensorFlow count them. */
export function paddingBefore(layer: Static<typeof Convolution>, steps: number): number {
  const reach = (layer.kernelSize - 1) * layer.dilation;
  if (layer.padding === 'valid') return 0;
  if (layer.padding === 'causal') return reach;
  const outSteps = Math.ceil(steps / layer.strides);
  return Math.floor(Math.max(0, (outSteps - 1) * layer.strides + reach + 1 - steps) / 2);
}

/** What a layer answers with. @param refuse told what the layer must read or have instead */
export function outputShape(layer: Layer, input: Shape, refuse: (expected: string) => never): Shape {
  switch (layer.type) {
    case 'dense':
      return { ...input, units: layer.units };
    case 'lstm':
      if (input.isVector) refuse('must read rows');
      return { steps: layer.returnSequences ? input.steps : 1, units: layer.units, isVector: !layer.returnSequences };
    case 'conv1d': {
      if (input.isVector) refuse('must read rows');
      if (layer.strides > 1 && layer.dilation > 1) refuse('must have strides or dilation, not both');
      const reach = (layer.kernelSize - 1) * layer.dilation;
      const steps = Math.ceil((layer.padding === 'valid' ? input.steps - reach : input.steps) / layer.strides);
      if (steps < 1) refuse(`must read at least ${reach + 1} rows`);
      return { steps, units: layer.filters, isVector: false };
    }
    case 'flatten':
      return { steps: 1, units: input.steps * input.units, isVector: true };
    case 'reshape':
      if (layer.steps * layer.units !== input.steps * input.units)
        refuse(`must read ${layer.steps * layer.units} numbers`);
      return { steps: layer.steps, units: layer.units, isVector: false };
    case 'repeat':
      if (!input.isVector) refuse('must read a vector');
      return { steps: layer.steps, units: input.units, isVector: false };
  }
}

function weightShapesOf(layer: Layer, input: Shape): readonly (readonly number[])[] {
  switch (layer.type) {
    case 'dense':
      return [[input.units, layer.units], [layer.units]];
    case 'lstm':
      return [[input.units, 4 * layer.units], [layer.units, 4 * layer.units], [4 * layer.units]];
    case 'conv1d':
      return [[layer.kernelSize, input.units, layer.filters], [layer.filters]];
    default:
      return [];
  }
}

function workOf(layer: Layer, input: Shape, output: Shape): number {
  switch (layer.type) {
    case 'dense':
      return output.steps * input.units * layer.units;
    case 'lstm':
      return input.steps * 4 * layer.units * (input.units + layer.units);
    case 'conv1d':
      return output.steps * layer.kernelSize * input.units * layer.filters;
    default:
      return 0;
  }
}

export function describeShape({ steps, units, isVector }: Shape): string {
  return isVector ? `a vector of ${units}` : `${steps} rows of ${units}`;
}
