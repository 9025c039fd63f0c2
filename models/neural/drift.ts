/** Whether a device is still the one that a model came into force for: its inputs, and how well the model restores them. */
import { populationStability } from '../statistics/population-stability.js';
import type { Artifact } from './artifact.js';
import { squaredErrors } from './last-row-errors.js';
import { spreadOf } from './normaliser.js';

/** Rows one after the other, `channels` numbers each, in the order of the model's inputs; NaN: no value. */
export type Stretch = Float64Array;

export type DriftVerdict = 'stable' | 'moderate' | 'strong';

export interface DeviceDrift {
  readonly verdict: DriftVerdict;
  /** Population stability index a channel. */
  readonly inputs: Readonly<Record<string, number>>;
  /** Median error of the model now, in units of what it was when it came into force; null where it could not be compared. */
  readonly errors: number | null;
}

/** Fewer values of a channel, or windows, say nothing. */
export const LEAST_ROWS = 200;
/** Rows that follow one another in a stretch count as one independent value for each so many. */
const CORRELATED = 10;
const MODERATE_INPUTS = 0.1;
const STRONG_INPUTS = 0.25;
const MODERATE_ERRORS = 1.5;
const STRONG_ERRORS = 2.5;
/** An error below this, in usual ones, is as good as none. */
const LEAST_ERROR = 0.05;

/**
 * @param reference of the device, from when the model came into force on
 * @param recent the latest
 * @returns undefined when there is too little of either
 */
export function driftOf(
  artifact: Artifact,
  reference: readonly Stretch[],
  recent: readonly Stretch[],
): DeviceDrift | undefined {
  const { channels } = artifact.header;
  const inputs: Record<string, number> = {};
  const scale: { mean: number; spread: number }[] = [];
  for (let c = 0; c < channels.length; c++) {
    const [before, now] = [column(reference, channels.length, c), column(recent, channels.length, c)];
    if (before.length < LEAST_ROWS || now.length < LEAST_ROWS) return undefined;
    inputs[channels[c]!] = populationStability(before, now, {
      reference: before.length / CORRELATED,
      recent: now.length / CORRELATED,
    });
    scale.push(momentsOf(before));
  }
  const [before, now] = [medianError(artifact, scale, reference), medianError(artifact, scale, recent)];
  const errors = before === undefined || now === undefined ? null : now / Math.max(LEAST_ERROR, before);
  return { verdict: verdictOf(Math.max(...Object.values(inputs)), errors ?? 1), inputs, errors };
}

function verdictOf(inputs: number, errors: number): DriftVerdict {
  if (inputs >= STRONG_INPUTS || errors >= STRONG_ERRORS) return 'strong';
  return inputs >= MODERATE_INPUTS || errors >= MODERATE_ERRORS ? 'moderate' : 'stable';
}

function column(stretches: readonly Stretch[], channels: number, c: number): number[] {
  const values: number[] = [];
  for (const stretch of stretches) {
    for (let at = c; at < stretch.length; at += channels) if (Number.isFinite(stretch[at])) values.push(stretch[at]!);
  }
  return values;
}

function momentsOf(values: readonly number[]): { mean: number; spread: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, spread: spreadOf(variance, mean) };
}

/** Root of the median mean square of windows' last rows. Windows that lack a value are passed over. */
function medianError(
  { header, network }: Artifact,
  scale: readonly { readonly mean: number; readonly spread: number }[],
  stretches: readonly Stretch[],
): number | undefined {
  const { steps, channels } = network.topology;
  const window = new Float64Array(steps * channels);
  const errors = new Float64Array(channels);
  const squares: number[] = [];
  for (const stretch of stretches) {
    const rows = stretch.length / channels;
    for (let first = 0; first + steps <= rows; first++) {
      for (let i = 0; i < window.length; i++) {
        const { mean, spread } = scale[i % channels]!;
        window[i] = (stretch[first * channels + i]! - mean) / spread;
      }
      if (!window.every(Number.isFinite)) continue;
      const restored = network.run(window, steps - 1);
      for (let c = 0; c < channels; c++) {
        const at = (steps - 1) * channels + c;
        errors[c] = window[at]! - restored[at]!;
      }
      squares.push(squaredErrors(errors, header.errors.spread));
    }
  }
  if (squares.length < LEAST_ROWS / 2) return undefined;
  return Math.sqrt(squares.sort((a, b) => a - b)[squares.length >> 1]!);
}
