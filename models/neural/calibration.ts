/** What a network needs to know of ordinary data once its weights are fixed, whether they were trained here or came from outside. */
import { createHash } from 'node:crypto';
import { ModelInvalidError, RequestInvalidError } from '../errors.js';
import type { ArtifactHeader } from './artifact.js';
import { squaredErrors } from './last-row-errors.js';
import type { Network } from './network.js';
import { copyWindow, createTrainingSet, type TrainingSeries, type TrainingSet } from './training-set.js';

export interface Calibrated {
  readonly header: ArtifactHeader;
  readonly weights: Float32Array;
  /** On validation windows, ascending: mean squares of the last row, in units of each channel's usual error. */
  readonly errors: Float64Array;
}

/** How a network came to its weights. */
export interface Origin {
  readonly architecture: string;
  /** In the order of the rows' numbers. */
  readonly channels: readonly string[];
  readonly windows: number;
  readonly seed: number;
  readonly backend: string;
  /** Of each epoch. */
  readonly loss: readonly number[];
  readonly validationLoss: readonly number[];
  readonly codeVersion: string;
}

const VALIDATION_WINDOWS = 2_000;
/** A channel's usual error is at least this, in standard deviations of its values. */
const LEAST_ERROR = 0.02;
const LEVEL_SHARE = 0.98;

/**
 * Makes normaliser, usual errors and level for a network that was trained elsewhere. Nothing is learned.
 *
 * @param channels in the order of the network's inputs and of the rows' numbers
 * @throws RequestInvalidError when the network reads another number of channels, or there is too little data
 * @throws ModelInvalidError when it answers with what is no number
 */
export function calibrateImported(
  network: Network,
  series: readonly TrainingSeries[],
  { channels, codeVersion }: Pick<Origin, 'channels' | 'codeVersion'>,
): Calibrated {
  const { steps, channels: inputs } = network.topology;
  if (channels.length !== inputs) {
    throw new RequestInvalidError(
      `the data must have as many channels as the network reads, ${inputs}, got ${channels.length}`,
    );
  }
  const set = createTrainingSet(series, inputs, steps);
  const calibrated = calibrate(network, set, {
    architecture: 'imported',
    channels,
    windows: validationWindows(set).length / 2,
    seed: 0,
    backend: 'none',
    loss: [],
    validationLoss: [],
    codeVersion,
  });
  const { spread, level } = calibrated.header.errors;
  if (![...spread, level].every(Number.isFinite)) {
    throw new ModelInvalidError('the network must answer windows of this data with finite numbers');
  }
  return calibrated;
}

export function calibrate(network: Network, set: TrainingSet, origin: Origin): Calibrated {
  const { spread, level, sorted } = errorsOf(network, set, validationWindows(set));
  const times = set.series.flatMap(({ timesMs }) =>
    timesMs.length > 0 ? [timesMs[0]!, timesMs[timesMs.length - 1]!] : [],
  );
  const { architecture, channels, windows, seed, backend, loss, validationLoss, codeVersion } = origin;
  const header: ArtifactHeader = {
    architecture,
    channels: [...channels],
    topology: network.topology,
    normaliser: { ...set.normaliser, mean: [...set.normaliser.mean], spread: [...set.normaliser.spread] },
    errors: { spread, level },
    training: {
      fingerprint: fingerprint(set.series, channels),
      rows: set.series.reduce((sum, { timesMs }) => sum + timesMs.length, 0),
      devices: set.series.length,
      windows,
      epochs: loss.length,
      seed,
      backend,
      fromMs: finiteOrNull(Math.min(...times)),
      toMs: finiteOrNull(Math.max(...times)),
      loss: [...loss],
      validationLoss: [...validationLoss],
      codeVersion,
    },
  };
  return { header, weights: network.weights, errors: sorted };
}

/** The windows that a network is judged by: device and last row of each, alternating. */
export function validationWindows({ validation }: TrainingSet): Int32Array {
  return evenly(validation, VALIDATION_WINDOWS);
}

/** Usual errors of the last row by channel, and how the mean of their squares is spread. */
function errorsOf(
  network: Network,
  { rows }: TrainingSet,
  windows: Int32Array,
): { spread: number[]; level: number; sorted: Float64Array } {
  const { steps, channels } = network.topology;
  const input = new Float64Array(steps * channels);
  const count = windows.length / 2;
  const errors = new Float64Array(count * channels);
  const squares = new Float64Array(channels);
  for (let w = 0; w < count; w++) {
    copyWindow(rows[windows[2 * w]!]!, windows[2 * w + 1]!, steps, channels, input, 0);
    const output = network.run(input, steps - 1);
    for (let c = 0; c < channels; c++) {
      const at = (steps - 1) * channels + c;
      errors[w * channels + c] = input[at]! - output[at]!;
      squares[c]! += errors[w * channels + c]! ** 2;
    }
  }
  const spread = Array.from(squares, (sum) => Math.max(LEAST_ERROR, Math.sqrt(sum / count)));
  const sorted = new Float64Array(count);
  for (let w = 0; w < count; w++) {
    sorted[w] = squaredErrors(errors.subarray(w * channels, (w + 1) * channels), spread);
  }
  sorted.sort();
  return { spread, level: Math.max(1e-6, sorted[Math.floor(LEVEL_SHARE * (count - 1))]!), sorted };
}

/** At most `most` windows, evenly over all. */
function evenly(windows: Int32Array, most: number): Int32Array {
  const count = windows.length / 2;
  if (count <= most) return windows;
  return Int32Array.from({ length: 2 * most }, (_, i) => windows[2 * Math.floor(((i >> 1) * count) / most) + (i & 1)]!);
}

function fingerprint(series: readonly TrainingSeries[], channels: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(channels));
  for (const { device, timesMs, values, excluded } of series) {
    hash.update(JSON.stringify([device, excluded]));
    hash.update(new Uint8Array(timesMs.buffer, timesMs.byteOffset, timesMs.byteLength));
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest('hex');
}

const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
