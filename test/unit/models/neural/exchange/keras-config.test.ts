import assert from 'node:assert/strict';
import { ModelInvalidError } from '../../../../../models/errors.js';
import { readKerasModel } from '../../../../../models/neural/exchange/keras-config.js';
import type { Layer } from '../../../../../models/neural/topology.js';

type Options = Readonly<Record<string, unknown>>;
const layer = (class_name: string, config: Options = {}, more: object = {}) => ({
  class_name,
  config: { name: class_name.toLowerCase(), ...config },
  ...more,
});
const sequential = (...layers: object[]) => ({
  class_name: 'Sequential',
  config: { layers: [layer('InputLayer', { batch_shape: [null, 4, 2] }), ...layers] },
});
const topologyOf = (model: object, version = '2.15.0'): readonly Layer[] =>
  readKerasModel(model, version).topology.layers;
const refused = (model: unknown, words: RegExp, version = '2.15.0') =>
  assert.throws(
    () => readKerasModel(model, version),
    (error: unknown) => error instanceof ModelInvalidError && words.test(error.message),
  );

const DENSE = { units: 2, activation: 'linear' };
const LSTM = { units: 2, activation: 'tanh', recurrent_activation: 'sigmoid', return_sequences: true };
const CONV = { filters: 2, kernel_size: [3], strides: [1], dilation_rate: [1], padding: 'same', activation: 'relu' };

describe('layers of Keras', () => {
  it('with names that are not known are refused, with those that are', () => {
    for (const name of ['Lambda', 'GRU', 'Masking', 'Bidirectional', 'Sequential', '__proto__'])
      refused(
        sequential(layer(name)),
        new RegExp(`layer ${name.toLowerCase()} \\(${name}\\) is not known; .*Dense, LSTM`),
      );
  });

  it('of others do not pass for those of Keras', () => {
    refused(sequential(layer('Dense', DENSE, { module: 'evil' })), /layer dense \(evil.Dense\) is not known/);
    assert.equal(topologyOf(sequential(layer('Dense', DENSE, { module: 'keras.layers' }))).length, 1);
  });

  it('with options that would compute something else are refused', () => {
    for (const option of ['go_backwards', 'stateful', 'return_state', 'time_major'])
      refused(sequential(layer('LSTM', { ...LSTM, [option]: true })), new RegExp(`false for ${option}, got true`));
    refused(sequential(layer('Conv1D', { ...CONV, groups: 2 })), /1 for groups, got 2/);
    refused(sequential(layer('Conv1D', { ...CONV, data_format: 'channels_first' })), /channels_last for data_format/);
    refused(sequential(layer('Conv1D', { ...CONV, kernel_size: [3, 3] })), /kernel_size, got \[3,3\]/);
    refused(sequential(layer('Dense', { units: 1e9 })), /from 1 to 65536 for units, got 1000000000/);
    refused(sequential(layer('TimeDistributed', { layer: layer('LSTM', LSTM) })), /of a Dense, got LSTM/);
  });

  it('have the activations that are known here', () => {
    refused(sequential(layer('Dense', { units: 2, activation: 'gelu' })), /known activation \(linear, relu.*got gelu/);
    refused(sequential(layer('Dense', { units: 2, activation: { class_name: 'Evil' } })), /got {"class_name":"Evil"}/);
    refused(sequential(layer('LSTM', { ...LSTM, recurrent_activation: undefined })), /recurrent_activation/);
    const [dense] = topologyOf(sequential(layer('Dense', { units: 2, activation: null })));
    assert.deepEqual(dense, { type: 'dense', units: 2, activation: 'linear' });
  });

  it('mean another hard_sigmoid in Keras 3', () => {
    const model = sequential(layer('Dense', { units: 2, activation: 'hard_sigmoid' }));
    assert.equal((topologyOf(model, 'tfjs-layers 4.22.0')[0] as { activation: string }).activation, 'hardSigmoid');
    refused(model, /hard_sigmoid of Keras 3/, '3.15.1');
  });

  it('that only activate become part of the one before', () => {
    const activation = layer('Activation', { activation: 'relu' });
    assert.deepEqual(
      topologyOf(
        sequential(layer('Dense', DENSE), layer('Flatten'), layer('Reshape', { target_shape: [4, -1] }), activation),
      ),
      [{ type: 'dense', units: 2, activation: 'relu' }, { type: 'flatten' }, { type: 'reshape', steps: 4, units: 2 }],
    );
    for (const before of [layer('LSTM', LSTM), layer('Conv1D', CONV), layer('Dropout')])
      refused(
        sequential(before, activation),
        /layer activation .* must follow a Dense or Conv1D that has no activation/,
      );
  });

  it('must fit each other', () => {
    refused(sequential(layer('Flatten'), layer('LSTM', LSTM)), /layer lstm \(LSTM\) must read rows, got a vector of 8/);
    refused(sequential(layer('RepeatVector', { n: 4 })), /must read a vector, got 4 rows of 2/);
    refused(sequential(layer('Reshape', { target_shape: [-1, 3] })), /target_shape of 8 numbers, got \[-1,3\]/);
    refused(sequential(layer('Reshape', { target_shape: [2, 2, 2] })), /one or two sizes/);
  });
});

describe('a model of Keras', () => {
  it('reads windows of a fixed shape', () => {
    for (const shape of [[null, null, 2], [null, 8], [null, 4, 2, 1], 'any', undefined]) {
      const model = { class_name: 'Sequential', config: { layers: [layer('InputLayer', { batch_shape: shape })] } };
      refused(model, /windows of a fixed shape/);
    }
    const early = { class_name: 'Sequential', config: [layer('Dense', { ...DENSE, batch_input_shape: [null, 4, 2] })] };
    assert.deepEqual(readKerasModel(early, undefined).topology.steps, 4);
  });

  it('is refused when it is none', () => {
    refused(null, /must be described by an object/);
    refused({ class_name: 'Evil', config: { layers: [layer('Dense')] } }, /Sequential or Functional, got Evil/);
    refused({ class_name: 'Sequential', config: { layers: [] } }, /list of layers/);
    refused(sequential(...Array.from({ length: 300 }, () => layer('Dropout'))), /at most 256 layers/);
    refused(sequential(layer('Dense', DENSE), layer('Dense', DENSE)), /name of its own for layer 2, got dense/);
  });

  describe('that is functional', () => {
    const reads = (name: string, options: object = {}) => ({
      inbound_nodes: [{ args: [{ config: { keras_history: [name, 0, 0] } }], kwargs: options }],
    });
    const named = (class_name: string, name: string, config: Options, more: object) => ({
      ...layer(class_name, { ...config, name }, more),
      name,
    });
    const input = named('InputLayer', 'in', { batch_shape: [null, 4, 2] }, { inbound_nodes: [] });
    const functional = (output: string, ...layers: object[]) => ({
      class_name: 'Functional',
      config: { layers, input_layers: ['in', 0, 0], output_layers: [[output, 0, 0]] },
    });

    it('is followed from its output, and its weights are found by the order of its file', () => {
      const model = functional(
        'b',
        input,
        named('Dense', 'b', { ...DENSE, use_bias: false }, reads('a')),
        named('Dense', 'a', { units: 5 }, reads('in', { training: false, mask: null })),
      );
      const { topology, sources } = readKerasModel(model, '3.15.1');
      assert.deepEqual(
        topology.layers.map((each) => 'units' in each && each.units),
        [5, 2],
      );
      assert.deepEqual(sources, [
        { name: 'a', className: 'Dense', ordinal: 1, hasBias: true },
        { name: 'b', className: 'Dense', ordinal: 0, hasBias: false },
      ]);
    });

    it('must be one chain', () => {
      const a = named('Dense', 'a', DENSE, reads('in'));
      refused(functional('a', input, a, named('Dense', 'b', DENSE, reads('in'))), /layer b .* part of one chain/);
      refused(functional('a', input, named('Dense', 'a', DENSE, reads('a'))), /must have a layer a/);
      refused(functional('a', input, named('Dense', 'a', DENSE, { inbound_nodes: [] })), /must lead from in/);
      const twice = { inbound_nodes: [...reads('in').inbound_nodes, ...reads('in').inbound_nodes] };
      refused(functional('a', input, named('Dense', 'a', DENSE, twice)), /layer a .* called once, got 2/);
      const noisy = named('Dropout', 'noisy', {}, reads('in', { training: true }));
      refused(functional('noisy', input, noisy), /layer noisy .* must not be called with training/);
    });
  });
});
