/**
 * The layers format of TensorFlow.js: `model.json` says what the layers are and in which files, beside it, their weights lie, one
 * after the other as 32-bit floats, little endian.
 */
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { ModelInvalidError } from '../../errors.js';
import type { Network } from '../network.js';
import type { Activation, Layer, PlannedLayer } from '../topology.js';
import { isFields, parseJson, told } from './json-bytes.js';
import { readKerasModel } from './keras-config.js';
import { networkFrom, type ForeignArray, type WeightRole } from './keras-weights.js';

const Manifest = Type.Array(
  Type.Object({
    paths: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 1_000 }),
    weights: Type.Array(
      Type.Object({
        name: Type.String({ maxLength: 1_000 }),
        shape: Type.Array(Type.Integer({ minimum: 0, maximum: 2 ** 31 }), { maxItems: 8 }),
        dtype: Type.String({ maxLength: 16 }),
        quantization: Type.Optional(Type.Unknown()),
      }),
      { maxItems: 10_000 },
    ),
  }),
  { maxItems: 1_000 },
);

/** Bytes a number. */
const DTYPES: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1 };

interface Description {
  /** `{ class_name, config }` */
  readonly model: unknown;
  readonly version: unknown;
  readonly groups: readonly Group[];
}
/** Files that hold these weights, one after the other. */
interface Group {
  readonly paths: readonly string[];
  readonly weights: readonly { readonly name: string; readonly shape: readonly number[]; readonly dtype: string }[];
}

/**
 * Names of the files that hold the weights, in the folder of `model.json`.
 *
 * @throws ModelInvalidError when it is no such file, or names what may lie outside of the folder
 */
export function shardNames(modelJson: Uint8Array): readonly string[] {
  return describe(modelJson).groups.flatMap(({ paths }) => paths);
}

/**
 * @param shards by their names
 * @throws ModelInvalidError naming what is wrong
 */
export function readLayersModel(modelJson: Uint8Array, shards: ReadonlyMap<string, Uint8Array>): Network {
  const { model, version, groups } = describe(modelJson);
  const keras = readKerasModel(model, version);
  const arrays = groups.flatMap((group) => arraysOf(group, shards));
  return networkFrom(keras, ({ name }, role) => {
    const found = arrays.filter((array) => isOf(array.name, name, role));
    if (found.length !== 1)
      throw new ModelInvalidError(`layer ${told(name)} must have one ${role} among the weights, got ${found.length}`);
    return found[0]!;
  });
}

/**
 * As `tf.loadLayersModel` reads it.
 *
 * @param shardName what the file of the weights will be called
 */
export function writeLayersModel(network: Network, shardName: string): { model: Uint8Array; weights: Uint8Array } {
  const { topology, planned, weights } = network;
  const specs: { name: string; shape: readonly number[]; dtype: string }[] = [];
  const layers = planned.map((layer, i) => {
    const name = `${layer.layer.type}_${i + 1}`;
    layer.weightShapes.forEach((shape, at) => {
      const role = at === 0 ? 'kernel' : at === layer.weightShapes.length - 1 ? 'bias' : 'recurrent_kernel';
      specs.push({ name: `${name}/${role}`, shape, dtype: 'float32' });
    });
    return kerasLayer(layer, name, i === 0 ? [null, topology.steps, topology.channels] : undefined);
  });
  const json = {
    format: 'layers-model',
    generatedBy: 'redshank',
    convertedBy: null,
    modelTopology: {
      class_name: 'Sequential',
      config: { name: 'redshank', layers },
      keras_version: '2.15.0',
      backend: '',
    },
    weightsManifest: [{ paths: [shardName], weights: specs }],
  };
  const bytes = new Uint8Array(4 * weights.length);
  const view = new DataView(bytes.buffer);
  weights.forEach((weight, i) => view.setFloat32(4 * i, weight, true));
  return { model: new TextEncoder().encode(JSON.stringify(json)), weights: bytes };
}

function describe(modelJson: Uint8Array): Description {
  const file = parseJson(modelJson, 'model.json');
  const topology = isFields(file) ? file['modelTopology'] : undefined;
  if (!isFields(file) || !isFields(topology)) return refuse('must have a modelTopology');
  if (file['format'] !== undefined && file['format'] !== 'layers-model')
    return refuse(`must have the format layers-model, got ${told(file['format'])}`);
  const manifest = file['weightsManifest'];
  if (!Value.Check(Manifest, manifest)) {
    const first = Value.Errors(Manifest, manifest).First();
    return refuse(
      `has a wrong weightsManifest${told(first?.path.replaceAll('/', '.') ?? '')}: ${first?.message.toLowerCase() ?? ''}`,
    );
  }
  for (const { paths, weights } of manifest) {
    for (const path of paths) if (!isFileName(path)) refuse(`must name files in its own folder, got ${told(path)}`);
    for (const { name, dtype, quantization } of weights) {
      if (quantization !== undefined) refuse(`must have weights that are not quantized, got ${told(name)}`);
      if (!Object.hasOwn(DTYPES, dtype))
        refuse(`must have weights of type float32, got ${told(dtype)} of ${told(name)}`);
    }
  }
  // What TensorFlow.js saves is the model itself; what is converted from Keras holds it.
  const converted = topology['model_config'];
  return { model: converted ?? topology, version: topology['keras_version'], groups: manifest };
}

function arraysOf(group: Group, shards: ReadonlyMap<string, Uint8Array>): (ForeignArray & { readonly name: string })[] {
  const bytes = joined(
    group.paths.map((path) => shards.get(path) ?? refuse(`names the file ${told(path)}, which is not there`)),
  );
  const sizes = group.weights.map(({ shape, dtype }) =>
    shape.reduce((product, size) => product * size, DTYPES[dtype]!),
  );
  const expected = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes.length !== expected)
    refuse(`names weights of ${expected} bytes, got ${bytes.length} in ${told(group.paths.join(', '))}`);
  let at = 0;
  return group.weights.map(({ name, shape, dtype }, i) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, sizes[i]);
    at += sizes[i]!;
    const values = (): ArrayLike<number> => {
      if (dtype !== 'float32') refuse(`must have weights of type float32, got ${told(dtype)} of ${told(name)}`);
      return Float32Array.from({ length: view.byteLength / 4 }, (_, n) => view.getFloat32(4 * n, true));
    };
    return { name, shape, values };
  });
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `dense/kernel`, `lstm/lstm_cell/kernel`, `model/dense/kernel:0`: the layer's name is one part, what it is the last. */
function isOf(path: string, layer: string, role: WeightRole): boolean {
  const parts = path.replace(/:0$/, '').split('/');
  return parts.at(-1) === role && `/${parts.slice(0, -1).join('/')}/`.includes(`/${layer}/`);
}

/** No path: what it names lies in the folder. */
function isFileName(path: string): boolean {
  return path !== '.' && path !== '..' && !/[/\\:\0]/.test(path);
}

function kerasLayer({ layer }: PlannedLayer, name: string, batchInputShape: unknown): object {
  const input = batchInputShape === undefined ? {} : { batch_input_shape: batchInputShape, dtype: 'float32' };
  const [class_name, options] = kerasOptions(layer);
  return { class_name, config: { name, trainable: true, ...input, ...options } };
}

/** Weights follow, so nobody need calculate some to begin with. */
const ZEROS = { class_name: 'Zeros', config: {} };
const INITIALISERS = { use_bias: true, kernel_initializer: ZEROS, bias_initializer: ZEROS };

function kerasOptions(layer: Layer): readonly [className: string, options: object] {
  switch (layer.type) {
    case 'dense':
      return ['Dense', { units: layer.units, activation: kerasName(layer.activation), ...INITIALISERS }];
    case 'lstm':
      return [
        'LSTM',
        {
          units: layer.units,
          activation: kerasName(layer.activation),
          recurrent_activation: kerasName(layer.recurrentActivation),
          return_sequences: layer.returnSequences,
          recurrent_initializer: ZEROS,
          ...INITIALISERS,
        },
      ];
    case 'conv1d':
      return [
        'Conv1D',
        {
          filters: layer.filters,
          kernel_size: [layer.kernelSize],
          strides: [layer.strides],
          dilation_rate: [layer.dilation],
          padding: layer.padding,
          data_format: 'channels_last',
          activation: kerasName(layer.activation),
          ...INITIALISERS,
        },
      ];
    case 'flatten':
      return ['Flatten', { data_format: 'channels_last' }];
    case 'reshape':
      return ['Reshape', { target_shape: [layer.steps, layer.units] }];
    case 'repeat':
      return ['RepeatVector', { n: layer.steps }];
  }
}

const kerasName = (activation: Activation): string => (activation === 'hardSigmoid' ? 'hard_sigmoid' : activation);

function refuse(expected: string): never {
  throw new ModelInvalidError(`model.json ${expected}`);
}
