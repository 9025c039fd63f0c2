/**
 * What Keras and TensorFlow.js write of a network's layers, as a topology of ours. Whatever would compute something else than in our
 * loops is refused with the name of its layer. Nothing in it is run.
 *
 * Source  keras.io/api/layers; both ways of writing calls of layers, of Keras 2 (and TensorFlow.js) and of Keras 3
 */
import { ModelInvalidError } from '../../errors.js';
import { describeShape, outputShape, type Activation, type Layer, type Shape, type Topology } from '../topology.js';
import { isFields, told, type Fields } from './json-bytes.js';

export interface KerasModel {
  readonly topology: Topology;
  /** Of each layer with weights, in the order of the topology. */
  readonly sources: readonly WeightSource[];
}

/** Where the weights of a layer are found. */
export interface WeightSource {
  /** As its file names it. */
  readonly name: string;
  readonly className: string;
  /** How many layers of the same class its file lists before it. */
  readonly ordinal: number;
  /** Without one, it is zeros here. */
  readonly hasBias: boolean;
}

/** A layer as its file has it. */
interface KerasLayer {
  readonly name: string;
  readonly className: string;
  readonly config: Fields;
  readonly ordinal: number;
  /** Calls of it, in a model that is no plain sequence. */
  readonly calls: unknown;
}

const KNOWN =
  'Dense, LSTM, Conv1D, Flatten, Reshape, RepeatVector, TimeDistributed of Dense, Activation, InputLayer and, ' +
  'which do nothing once a network is trained, Dropout, SpatialDropout1D, GaussianNoise';
/** Far more than a topology may have: some do nothing. */
const MOST_LAYERS = 256;
const MOST_UNITS = 65_536;

const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map([
  ['linear', 'linear'],
  ['relu', 'relu'],
  ['tanh', 'tanh'],
  ['sigmoid', 'sigmoid'],
  ['hard_sigmoid', 'hardSigmoid'],
  ['hardSigmoid', 'hardSigmoid'],
  ['elu', 'elu'],
  ['selu', 'selu'],
  ['softplus', 'softplus'],
]);

/**
 * @param model `{ class_name, config }` of a Sequential, or of a Functional model that is one chain
 * @param version of Keras or TensorFlow.js that wrote it, as they spell it
 * @throws ModelInvalidError naming the layer and what is wrong with it
 */
export function readKerasModel(model: unknown, version: unknown): KerasModel {
  const chain = chainOf(model);
  const [steps, channels] = inputOf(model, chain[0]);
  const isKeras3 = typeof version === 'string' && Number.parseInt(version, 10) >= 3;
  const layers: Layer[] = [];
  const sources: WeightSource[] = [];
  let shape: Shape = { steps, units: channels, isVector: false };
  for (const keras of chain) {
    const refuse = (expected: string): never => refuseLayer(keras, expected);
    const read = new LayerReader(keras, isKeras3);
    if (keras.className === 'Activation') {
      activateBefore(layers, read.activation('activation'), refuse);
      continue;
    }
    const layer = read.layer(shape);
    if (layer === undefined) continue;
    layers.push(layer);
    if (layer.type === 'dense' || layer.type === 'lstm' || layer.type === 'conv1d') {
      const { name, className, ordinal } = keras;
      sources.push({ name, className, ordinal, hasBias: read.hasBias });
    }
    const input = shape;
    shape = outputShape(layer, input, (expected) => refuse(`${expected}, got ${describeShape(input)}`));
  }
  return { topology: { steps, channels, layers }, sources };
}

/** One layer's options. */
class LayerReader {
  readonly #layer: KerasLayer;
  readonly #isKeras3: boolean;
  /** Of the layer itself, or of the one that it wraps. */
  readonly #config: Fields;
  readonly #className: string;

  constructor(layer: KerasLayer, isKeras3: boolean) {
    this.#layer = layer;
    this.#isKeras3 = isKeras3;
    this.#className = layer.className;
    this.#config = layer.config;
    if (layer.className === 'TimeDistributed') {
      const inner = layer.config['layer'];
      if (!isFields(inner) || !isFields(inner['config']) || classOf(inner) !== 'Dense') {
        this.#refuse(`must be of a Dense, got ${told(isFields(inner) ? classOf(inner) : inner)}`);
      }
      this.#className = 'Dense';
      this.#config = inner['config'];
    }
  }

  get hasBias(): boolean {
    return this.#config['use_bias'] !== false;
  }

  /** @returns undefined for one that does nothing once a network is trained */
  layer(input: Shape): Layer | undefined {
    switch (this.#className) {
      case 'Dense':
        if (this.#layer.className === 'TimeDistributed' && input.isVector)
          this.#refuse(`must read rows, got ${describeShape(input)}`);
        this.#must('quantization_config', [null]);
        return { type: 'dense', units: this.#whole('units'), activation: this.activation('activation') };
      case 'LSTM':
        for (const option of ['go_backwards', 'stateful', 'return_state', 'time_major']) this.#must(option, [false]);
        return {
          type: 'lstm',
          units: this.#whole('units'),
          activation: this.activation('activation'),
          recurrentActivation: this.activation('recurrent_activation'),
          returnSequences: this.#flag('return_sequences'),
        };
      case 'Conv1D':
        this.#must('groups', [1, null]);
        this.#must('data_format', ['channels_last', null]);
        return {
          type: 'conv1d',
          filters: this.#whole('filters'),
          kernelSize: this.#whole('kernel_size'),
          strides: this.#whole('strides'),
          dilation: this.#whole('dilation_rate'),
          padding: this.#padding(),
          activation: this.activation('activation'),
        };
      case 'Flatten':
        this.#must('data_format', ['channels_last', null]);
        return { type: 'flatten' };
      case 'Reshape':
        return this.#reshape(input);
      case 'RepeatVector':
        return { type: 'repeat', steps: this.#whole('n') };
      case 'InputLayer':
      case 'Dropout':
      case 'SpatialDropout1D':
      case 'GaussianNoise':
        return undefined;
      default:
        return this.#refuse(`is not known; known are ${KNOWN}`);
    }
  }

  /** Nothing said, as in Keras, is the linear one; but the gates of a cell must be told. */
  activation(option: string): Activation {
    const given = this.#config[option] ?? (option === 'recurrent_activation' ? undefined : 'linear');
    const found = typeof given === 'string' ? ACTIVATIONS.get(given) : undefined;
    if (found === undefined) {
      return this.#refuse(
        `must have a known ${option} (${[...new Set(ACTIVATIONS.values())].join(', ')}), got ${told(given)}`,
      );
    }
    if (found === 'hardSigmoid' && this.#isKeras3) {
      this.#refuse(`must not have the hard_sigmoid of Keras 3, which is (x + 3) / 6: ours, of Keras 2, is 0.2·x + 0.5`);
    }
    return found;
  }

  #padding(): 'same' | 'valid' | 'causal' {
    const padding = this.#config['padding'];
    if (padding === 'same' || padding === 'valid' || padding === 'causal') return padding;
    return this.#refuse(`must have the padding same, valid or causal, got ${told(padding)}`);
  }

  #reshape({ steps, units }: Shape): Layer {
    const target = this.#config['target_shape'];
    const isShape =
      Array.isArray(target) && target.every((size) => size === -1 || isSize(size)) && target.filter(isOpen).length <= 1;
    if (!isShape || target.length < 1 || target.length > 2)
      return this.#refuse(`must have a target_shape of one or two sizes, got ${told(target)}`);
    const known = (target as number[]).filter((size) => !isOpen(size)).reduce((product, size) => product * size, 1);
    const [first, second] = (target as number[]).map((size) => (isOpen(size) ? (steps * units) / known : size));
    if (first! * (second ?? 1) !== steps * units || !Number.isInteger(first) || !Number.isInteger(second ?? 1))
      return this.#refuse(`must have a target_shape of ${steps * units} numbers, got ${told(target)}`);
    return second === undefined ? { type: 'flatten' } : { type: 'reshape', steps: first!, units: second };
  }

  #flag(option: string): boolean {
    const value = this.#config[option] ?? false;
    if (typeof value !== 'boolean') this.#refuse(`must have true or false for ${option}, got ${told(value)}`);
    return value;
  }

  /** A number, or a list of one, as Keras writes sizes in one dimension. */
  #whole(option: string): number {
    const value = this.#config[option];
    const size: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
    if (!isSize(size))
      this.#refuse(`must have a whole number from 1 to ${MOST_UNITS} for ${option}, got ${told(value)}`);
    return size;
  }

  /** Nothing said is what is meant by the first. */
  #must(option: string, allowed: readonly unknown[]): void {
    const value = this.#config[option] ?? allowed.at(-1);
    if (!allowed.includes(value)) this.#refuse(`must have ${told(allowed[0])} for ${option}, got ${told(value)}`);
  }

  #refuse(expected: string): never {
    return refuseLayer(this.#layer, expected);
  }
}

/** Gives an activation that is a layer of its own to the layer that computes what it acts on. */
function activateBefore(layers: Layer[], activation: Activation, refuse: (expected: string) => never): void {
  if (activation === 'linear') return;
  // It acts on each number alone, so that layers between which only name the numbers otherwise do not matter.
  const at = layers.findLastIndex(({ type }) => type !== 'flatten' && type !== 'reshape' && type !== 'repeat');
  const layer = layers[at];
  if (layer === undefined || layer.type === 'lstm' || !('activation' in layer) || layer.activation !== 'linear') {
    return refuse('must follow a Dense or Conv1D that has no activation of its own');
  }
  layers[at] = { ...layer, activation };
}

/** Layers in the order of computation. */
function chainOf(model: unknown): readonly KerasLayer[] {
  if (!isFields(model)) return refuseModel(`must be described by an object, got ${told(model)}`);
  const { config } = model;
  const className = classOf(model);
  // Before Keras 2.2.3 a Sequential was its list alone.
  const listed = Array.isArray(config) ? config : isFields(config) ? config['layers'] : undefined;
  if (!Array.isArray(listed) || listed.length === 0) return refuseModel('must have a list of layers');
  if (listed.length > MOST_LAYERS) return refuseModel(`must have at most ${MOST_LAYERS} layers, got ${listed.length}`);
  const layers = kerasLayers(listed);
  if (className === 'Sequential') return layers;
  if ((className === 'Functional' || className === 'Model') && isFields(config)) return functionalChain(config, layers);
  return refuseModel(`must be Sequential or Functional, got ${told(className)}`);
}

function kerasLayers(listed: readonly unknown[]): KerasLayer[] {
  const seen = new Map<string, number>();
  const names = new Set<string>();
  return listed.map((entry, i) => {
    const config = isFields(entry) ? entry['config'] : undefined;
    if (!isFields(entry) || !isFields(config)) return refuseModel(`must have a class and options of layer ${i}`);
    const name = entry['name'] ?? config['name'];
    if (typeof name !== 'string' || name === '' || names.has(name))
      return refuseModel(`must have a name of its own for layer ${i}, got ${told(name)}`);
    names.add(name);
    const className = classOf(entry);
    const ordinal = seen.get(className) ?? 0;
    seen.set(className, ordinal + 1);
    return { name, className, config, ordinal, calls: entry['inbound_nodes'] };
  });
}

/** From the output back to the input: every layer called once, with what one other gave. */
function functionalChain(config: Fields, layers: readonly KerasLayer[]): readonly KerasLayer[] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const input = soleTensor(config['input_layers'], 'input');
  const chain: KerasLayer[] = [];
  let name: string | undefined = soleTensor(config['output_layers'], 'output');
  while (name !== undefined) {
    const layer: KerasLayer =
      byName.get(name) ?? refuseModel(`must have a layer ${told(name)}, which another one reads`);
    // Each is met once: names that lead in a circle end here.
    byName.delete(name);
    chain.push(layer);
    name = sourceOf(layer);
  }
  if (chain.at(-1)!.name !== input) refuseModel(`must lead from ${told(input)} to its output, got no such chain`);
  for (const layer of byName.values()) refuseLayer(layer, 'must be part of one chain from the input to the output');
  return chain.reverse();
}

/** `[[name, 0, 0]]`, or in Keras 3 `[name, 0, 0]`. */
function soleTensor(list: unknown, what: string): string {
  const tensor: unknown = Array.isArray(list) && list.length === 1 ? list[0] : list;
  if (!Array.isArray(tensor) || typeof tensor[0] !== 'string' || tensor.length < 3)
    return refuseModel(`must have one ${what}, got ${told(list)}`);
  return tensor[0];
}

/** The layer that another one reads; undefined for an input. */
function sourceOf(layer: KerasLayer): string | undefined {
  const { calls } = layer;
  if (!Array.isArray(calls) || calls.length > 1)
    return refuseLayer(layer, `must be called once, got ${Array.isArray(calls) ? calls.length : told(calls)} calls`);
  const call: unknown = calls[0];
  if (call === undefined) return undefined;
  const [tensor, options] = isFields(call) ? calledInKeras3(call) : calledInKeras2(call);
  const [name, node, index] = Array.isArray(tensor) ? (tensor as unknown[]) : [];
  if (typeof name !== 'string' || node !== 0 || index !== 0)
    return refuseLayer(layer, 'must read one answer of one layer');
  for (const [option, value] of Object.entries(isFields(options) ? options : {})) {
    if (value !== null && value !== false) refuseLayer(layer, `must not be called with ${told(option)}`);
  }
  return name;
}

/** `[[name, node, index, options]]` */
function calledInKeras2(call: unknown): readonly [tensor: unknown, options: unknown] {
  const tensor: unknown = Array.isArray(call) && call.length === 1 ? call[0] : undefined;
  return [tensor, Array.isArray(tensor) ? tensor[3] : undefined];
}

/** `{ args: [{ config: { keras_history: [name, node, index] } }], kwargs: options }` */
function calledInKeras3({ args, kwargs }: Fields): readonly [tensor: unknown, options: unknown] {
  const argument: unknown = Array.isArray(args) && args.length === 1 ? args[0] : undefined;
  const config = isFields(argument) ? argument['config'] : undefined;
  return [isFields(config) ? config['keras_history'] : undefined, kwargs];
}

/** Rows and channels of the windows that it reads. */
function inputOf(model: unknown, first: KerasLayer | undefined): readonly [steps: number, channels: number] {
  const whole = isFields(model) && isFields(model['config']) ? model['config'] : {};
  const shape: unknown =
    first?.config['batch_input_shape'] ?? first?.config['batch_shape'] ?? whole['build_input_shape'];
  const sizes: readonly unknown[] = Array.isArray(shape) ? shape : [];
  const [, steps, channels] = sizes;
  if (sizes.length !== 3 || !isSize(steps) || !isSize(channels))
    return refuseModel(`must read windows of a fixed shape, [null, rows, channels], got ${told(shape)}`);
  return [steps, channels];
}

/** Classes of others may have the name of one of Keras. */
function classOf(entry: Fields): string {
  const { class_name: name, module } = entry;
  if (typeof name !== 'string') return refuseModel(`must have names of classes, got ${told(name)}`);
  const isForeign = typeof module === 'string' && !/^(tf_)?keras(\.|$)/.test(module);
  return isForeign ? `${module}.${name}` : name;
}

const isOpen = (size: unknown): boolean => size === -1;

function isSize(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST_UNITS;
}

function refuseLayer({ name, className }: KerasLayer, expected: string): never {
  throw new ModelInvalidError(`layer ${told(name)} (${told(className)}) ${expected}`);
}

function refuseModel(expected: string): never {
  throw new ModelInvalidError(`the network ${expected}`);
}
