/**
 * Trains an autoencoder: ordinary windows in, the same windows out. Stops when what it was not trained on gets no better, and keeps
 * the best. The same data, seed and backend give the same weights.
 */
import { RequestInvalidError } from '../errors.js';
import { SeededRandom } from '../simulator/random.js';
import { buildModel, topologyOf, weightsOf } from './architectures.js';
import type { Architecture } from './artifact.js';
import { calibrate, validationWindows, type Calibrated } from './calibration.js';
import { Network } from './network.js';
import type { TensorFlow } from './tensorflow.js';
import { copyWindow, createTrainingSet, type TrainingSeries, type TrainingSet } from './training-set.js';

export interface TrainingOptions {
  readonly architecture: Architecture;
  /** In the order of the rows' numbers. */
  readonly channels: readonly string[];
  /** Rows of a window. */
  readonly steps: number;
  /** Numbers that a window is squeezed into; undefined: `usualLatent`. */
  readonly latent: number | undefined;
  /** At most so many passes. */
  readonly epochs: number;
  readonly seed: number;
  readonly codeVersion: string;
}

export interface EpochReport {
  /** From 1. */
  readonly epoch: number;
  /** Mean squared errors of normalised values. */
  readonly loss: number;
  readonly validationLoss: number;
  readonly isBest: boolean;
}

/** Windows a pass; of more, each pass sees other ones. */
const WINDOWS_A_PASS = 10_000;
const BATCH = 64;
const LEARNING_RATE = 1e-3;
/** Passes without a better validation loss after which it stops. */
const PATIENCE = 6;
/** Standard deviation of noise on the windows that are read: what is restored must be the pattern, not the noise. */
const NOISE = 0.1;

/** Numbers that a window of so many channels is squeezed into. */
export function usualLatent(channels: number): number {
  return Math.max(4, Math.min(32, Math.ceil(1.5 * Math.sqrt(channels) + channels / 4)));
}

/**
 * @param onEpoch told after each pass
 * @param signal stops it; what has been learned by then is lost
 * @param rest awaited between batches: so others get their turn
 * @throws RequestInvalidError when there is too little to learn from
 */
export async function trainAutoencoder(
  tensorflow: TensorFlow,
  series: readonly TrainingSeries[],
  options: TrainingOptions,
  onEpoch: (report: EpochReport) => void = () => undefined,
  signal?: AbortSignal,
  rest?: () => Promise<void>,
): Promise<Calibrated> {
  const { channels, steps, seed } = options;
  if (channels.length === 0) throw new RequestInvalidError('a training must have at least one channel, got none');
  const set = createTrainingSet(series, channels.length, steps);
  const latent = options.latent ?? usualLatent(channels.length);
  const topology = topologyOf(options.architecture, { steps, channels: channels.length, latent });
  const { tf } = tensorflow;
  const model = buildModel(tensorflow, topology, seed);
  model.compile({ optimizer: tf.train.adam(LEARNING_RATE), loss: 'meanSquaredError' });
  const random = new SeededRandom(seed, 'training');
  const validation = validationWindows(set);
  const order = Int32Array.from({ length: set.training.length / 2 }, (_, i) => i);

  const losses: number[] = [];
  const validationLosses: number[] = [];
  let best = weightsOf(model);
  let bestLoss = Infinity;
  let bestEpoch = 0;
  for (let epoch = 1; epoch <= options.epochs && epoch - bestEpoch <= PATIENCE; epoch++) {
    const loss = await pass(tensorflow, model, set, order, steps, channels.length, random, signal, rest);
    const network = new Network(topology, weightsOf(model));
    const validationLoss = lossOf(network, set, validation);
    losses.push(loss);
    validationLosses.push(validationLoss);
    const isBest = validationLoss < bestLoss;
    if (isBest) {
      best = network.weights;
      bestLoss = validationLoss;
      bestEpoch = epoch;
    }
    onEpoch({ epoch, loss, validationLoss, isBest });
  }
  model.dispose();

  return calibrate(new Network(topology, best), set, {
    architecture: options.architecture,
    channels,
    windows: set.training.length / 2,
    seed,
    backend: tensorflow.backend,
    loss: losses,
    validationLoss: validationLosses,
    codeVersion: options.codeVersion,
  });
}

/** One pass over the windows, in random order. @returns the mean loss */
async function pass(
  { tf }: TensorFlow,
  model: ReturnType<typeof buildModel>,
  set: TrainingSet,
  order: Int32Array,
  steps: number,
  channels: number,
  random: SeededRandom,
  signal: AbortSignal | undefined,
  rest: (() => Promise<void>) | undefined,
): Promise<number> {
  const count = Math.min(order.length, WINDOWS_A_PASS);
  shuffle(order, count, random);
  const size = steps * channels;
  let sum = 0;
  for (let from = 0; from < count; from += BATCH) {
    signal?.throwIfAborted();
    const batch = Math.min(BATCH, count - from);
    const clean = new Float32Array(batch * size);
    const noisy = new Float32Array(batch * size);
    for (let i = 0; i < batch; i++) {
      const window = order[from + i]!;
      copyWindow(set.rows[set.training[2 * window]!]!, set.training[2 * window + 1]!, steps, channels, clean, i * size);
    }
    for (let i = 0; i < clean.length; i++) noisy[i] = clean[i]! + NOISE * random.normal();
    const x = tf.tensor3d(noisy, [batch, steps, channels]);
    const y = tf.tensor3d(clean, [batch, steps, channels]);
    const loss = await model.trainOnBatch(x, y);
    tf.dispose([x, y]);
    sum += batch * (loss as number);
    await rest?.();
  }
  return sum / count;
}

/** Brings `count` random entries to the front. */
function shuffle(order: Int32Array, count: number, random: SeededRandom): void {
  for (let i = 0; i < count; i++) {
    const j = i + random.integer(order.length - i);
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
}

/** Mean squared error over whole windows. */
function lossOf(network: Network, { rows }: TrainingSet, windows: Int32Array): number {
  const { steps, channels } = network.topology;
  const input = new Float64Array(steps * channels);
  let sum = 0;
  for (let w = 0; w < windows.length; w += 2) {
    copyWindow(rows[windows[w]!]!, windows[w + 1]!, steps, channels, input, 0);
    const output = network.run(input);
    for (let i = 0; i < input.length; i++) sum += (input[i]! - output[i]!) ** 2;
  }
  return sum / input.length / (windows.length / 2);
}
