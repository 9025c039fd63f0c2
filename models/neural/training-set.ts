/** Windows to learn from: normalised by device, split by time, without what is known to have been strange. */
import { RequestInvalidError } from '../errors.js';
import { fitNormaliser, inSpreads, spreadOf, type Normaliser } from './normaliser.js';

/** The history of a device. */
export interface TrainingSeries {
  readonly device: string;
  /** Unix ms of each row, ascending. */
  readonly timesMs: Float64Array;
  /** Row by row, one number a channel; NaN where there is none. */
  readonly values: Float64Array;
  /** First and last row of spans that are left out: alerts, labels. */
  readonly excluded: readonly (readonly [first: number, last: number])[];
}

export interface TrainingSet {
  /** Those that are learned from. One without enough rows, or without any value of a channel, is left out. */
  readonly series: readonly TrainingSeries[];
  readonly normaliser: Normaliser;
  /** Of each device, normalised. */
  readonly rows: readonly Float32Array[];
  /** Device and last row of each window, alternating; the later part of each device's time is for validation. */
  readonly training: Int32Array;
  readonly validation: Int32Array;
}

/** Of the rows of a device that are kept, the share that is trained on; what follows is for validation. */
const TRAINING_SHARE = 0.8;
/** Fewer windows teach nothing that holds. */
const LEAST_WINDOWS = 200;

/**
 * @param channels numbers a row
 * @param steps rows of a window
 * @throws RequestInvalidError when there are too few rows in all
 */
export function createTrainingSet(series: readonly TrainingSeries[], channels: number, steps: number): TrainingSet {
  const training: number[] = [];
  const validation: number[] = [];
  const rows: Float32Array[] = [];
  const used: TrainingSeries[] = [];
  const devices: { mean: Float64Array; spread: Float64Array }[] = [];
  for (const one of series) {
    const isKept = keptRows(one, channels);
    const ends = windowEnds(isKept, steps);
    const cut = ends[Math.floor(ends.length * TRAINING_SHARE)] ?? 0;
    const moments = momentsOf(one.values, channels, isKept, cut);
    if (moments === undefined) continue;
    const device = used.push(one) - 1;
    for (const end of ends) {
      // Windows of the two parts share no row.
      if (end < cut) training.push(device, end);
      else if (end >= cut + steps - 1) validation.push(device, end);
    }
    devices.push(moments);
    rows.push(normalised(fillForward(one.values, channels), channels, moments));
  }
  const found = training.length / 2;
  if (found < LEAST_WINDOWS || validation.length === 0) {
    throw new RequestInvalidError(
      `a training must have at least ${LEAST_WINDOWS} windows of ${steps} ordinary rows, and some to check itself with, got ${found}`,
    );
  }
  return {
    series: used,
    normaliser: fitNormaliser(devices),
    rows,
    training: Int32Array.from(training),
    validation: Int32Array.from(validation),
  };
}

/** Writes the window that ends with `row` into `out` from `at` on. */
export function copyWindow(
  rows: Float32Array,
  row: number,
  steps: number,
  channels: number,
  out: Float32Array | Float64Array,
  at: number,
): void {
  const from = (row - steps + 1) * channels;
  for (let i = 0; i < steps * channels; i++) out[at + i] = rows[from + i]!;
}

/** 1 for each row that may be learned: not excluded, and with some value. */
function keptRows({ timesMs, values, excluded }: TrainingSeries, channels: number): Uint8Array {
  const isKept = new Uint8Array(timesMs.length);
  for (let row = 0; row < isKept.length; row++) {
    for (let c = 0; c < channels && isKept[row] === 0; c++) {
      if (Number.isFinite(values[row * channels + c])) isKept[row] = 1;
    }
  }
  for (const [first, last] of excluded) isKept.fill(0, Math.max(0, first), last + 1);
  return isKept;
}

/** Last rows of all windows that lie in kept rows. */
function windowEnds(isKept: Uint8Array, steps: number): number[] {
  const ends: number[] = [];
  let run = 0;
  for (let row = 0; row < isKept.length; row++) {
    run = isKept[row] === 1 ? run + 1 : 0;
    if (run >= steps) ends.push(row);
  }
  return ends;
}

/** A value that is missing is the one before, the first of all 0: as for a device that is scored. */
function fillForward(values: Float64Array, channels: number): Float64Array {
  const filled = Float64Array.from(values);
  for (let i = 0; i < filled.length; i++) {
    if (!Number.isFinite(filled[i])) filled[i] = i >= channels ? filled[i - channels]! : NaN;
  }
  return filled;
}

/** Of the kept rows before one; undefined when a channel has no value there. */
function momentsOf(
  values: Float64Array,
  channels: number,
  isKept: Uint8Array,
  before: number,
): { mean: Float64Array; spread: Float64Array } | undefined {
  const mean = new Float64Array(channels);
  const spread = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    let count = 0;
    let level = 0;
    let squares = 0;
    for (let row = 0; row < before; row++) {
      const value = values[row * channels + c]!;
      if (isKept[row] === 0 || !Number.isFinite(value)) continue;
      count++;
      const step = value - level;
      level += step / count;
      squares += step * (value - level);
    }
    if (count === 0) return undefined;
    mean[c] = level;
    spread[c] = spreadOf(squares / count, level);
  }
  return { mean, spread };
}

function normalised(
  values: Float64Array,
  channels: number,
  { mean, spread }: { mean: Float64Array; spread: Float64Array },
): Float32Array {
  const rows = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const c = i % channels;
    const deviations = inSpreads(values[i]! - mean[c]!, spread[c]!);
    rows[i] = Number.isNaN(deviations) ? 0 : deviations;
  }
  return rows;
}
