import type { Activation } from './topology.js';

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

/** Applies an activation to `values[from … to)`, as Keras 2 and TensorFlow.js define it. */
export function activate(activation: Activation, values: Float64Array, from: number, to: number): void {
  switch (activation) {
    case 'linear':
      return;
    case 'relu':
      for (let i = from; i < to; i++) if (values[i]! < 0) values[i] = 0;
      return;
    case 'tanh':
      for (let i = from; i < to; i++) values[i] = Math.tanh(values[i]!);
      return;
    case 'sigmoid':
      for (let i = from; i < to; i++) values[i] = 1 / (1 + Math.exp(-values[i]!));
      return;
    case 'hardSigmoid':
      for (let i = from; i < to; i++) values[i] = Math.max(0, Math.min(1, 0.2 * values[i]! + 0.5));
      return;
    case 'elu':
      for (let i = from; i < to; i++) if (values[i]! < 0) values[i] = Math.expm1(values[i]!);
      return;
    case 'selu':
      for (let i = from; i < to; i++) {
        const value = values[i]!;
        values[i] = SELU_SCALE * (value < 0 ? SELU_ALPHA * Math.expm1(value) : value);
      }
      return;
    case 'softplus':
      for (let i = from; i < to; i++) values[i] = Math.max(0, values[i]!) + Math.log1p(Math.exp(-Math.abs(values[i]!)));
  }
}
