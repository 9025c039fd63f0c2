/**
 * Each device's values in units of its own mean and spread, so that one model serves devices that differ in level. After its first
 * frames a device takes over what the devices of the training had, as far as it is one of them.
 *
 * Source  empirical Bayes estimates of means: Efron & Morris (1975), Journal of the American Statistical Association 70, 311–319
 */

/** What a model knows of its channels. */
export interface Normaliser {
  readonly mean: readonly number[];
  /** Standard deviation within a device. */
  readonly spread: readonly number[];
  /** What that counts for, in frames of a device of its own. */
  readonly priorFrames: number;
}

/** Of a channel: frames, mean, variance. */
export const NORMALISER_LENGTH = 3;
const MASS = 0;
const MEAN = 1;
const VARIANCE = 2;

/** Memory of mean and spread, in frames. */
const MEMORY = 5_000;
/** One device says nothing of others: what it had counts for so many frames. */
const ONE_DEVICE = 1_000;
/** Frames after which a device's mean is as good as one of an independent value. */
const CORRELATED = 20;
/** A device that is so many spreads away is another one: of what the training had, half counts. */
const ANOTHER = 3;
/** Beyond so many standard deviations a value grows with the logarithm only, and teaches no more. */
const CLIP = 8;
/** A spread is at least this share of the mean: a channel that hardly ever moved. */
const RELATIVE_FLOOR = 1e-3;
const ABSOLUTE_FLOOR = 1e-9;

/**
 * Joins what the device itself has shown so far with what the training's devices had. That counts for the less, the farther the
 * device is from them: one at quite another level is not strange, it is another device.
 */
export function joinPrior(state: Float64Array, at: number, { mean, spread, priorFrames }: Normaliser): void {
  for (let c = 0; c < mean.length; c++) {
    const base = at + c * NORMALISER_LENGTH;
    const own = state[base + MASS]!;
    const apart = own === 0 ? 0 : Math.abs(state[base + MEAN]! - mean[c]!) / (ANOTHER * spread[c]!);
    const prior = priorFrames / (1 + apart ** 4);
    const total = own + prior;
    if (total === 0) continue;
    const share = prior / total;
    const within = (1 - share) * state[base + VARIANCE]! + share * spread[c]! ** 2;
    state[base + MEAN] = (1 - share) * state[base + MEAN]! + share * mean[c]!;
    state[base + VARIANCE] = within;
    state[base + MASS] = Math.min(total, MEMORY);
  }
}

/** @returns the value in standard deviations; NaN stays NaN */
export function normalise(state: Float64Array, at: number, channel: number, value: number): number {
  const base = at + channel * NORMALISER_LENGTH;
  return inSpreads(value - state[base + MEAN]!, spreadOf(state[base + VARIANCE]!, state[base + MEAN]!));
}

/** Turns `normalise` around. */
export function restore(state: Float64Array, at: number, channel: number, deviations: number): number {
  const base = at + channel * NORMALISER_LENGTH;
  return state[base + MEAN]! + deviations * spreadOf(state[base + VARIANCE]!, state[base + MEAN]!);
}

/** Takes a value in. @param weight in (0, 1] */
export function learnValue(state: Float64Array, at: number, channel: number, value: number, weight: number): void {
  const base = at + channel * NORMALISER_LENGTH;
  const mass = Math.min(state[base + MASS]! + weight, MEMORY);
  state[base + MASS] = mass;
  const gain = Math.min(1, weight / mass);
  const limit = mass > CORRELATED ? CLIP * spreadOf(state[base + VARIANCE]!, state[base + MEAN]!) : Infinity;
  const step = Math.max(-limit, Math.min(limit, value - state[base + MEAN]!));
  state[base + MEAN]! += gain * step;
  state[base + VARIANCE] = (1 - gain) * (state[base + VARIANCE]! + gain * step * step);
}

/**
 * What the devices of a training had.
 *
 * @param devices of each its mean and standard deviation by channel
 */
export function fitNormaliser(
  devices: readonly { readonly mean: Float64Array; readonly spread: Float64Array }[],
): Normaliser {
  const channels = devices[0]?.mean.length ?? 0;
  const mean: number[] = [];
  const spread: number[] = [];
  let alike = Infinity;
  for (let c = 0; c < channels; c++) {
    const level = meanOf(devices.map((device) => device.mean[c]!));
    const within = meanOf(devices.map((device) => device.spread[c]! ** 2));
    const between = devices.length < 2 ? NaN : meanOf(devices.map((device) => (device.mean[c]! - level) ** 2));
    mean.push(level);
    spread.push(spreadOf(within, level));
    if (between > 0) alike = Math.min(alike, (CORRELATED * within) / between);
  }
  const priorFrames = devices.length < 2 ? ONE_DEVICE : Math.min(MEMORY, Math.round(alike));
  return { mean, spread, priorFrames };
}

/** @returns a deviation in units of the spread, which grows slowly beyond `CLIP` */
export function inSpreads(deviation: number, spread: number): number {
  const units = deviation / spread;
  const size = Math.abs(units);
  return size > CLIP ? Math.sign(units) * CLIP * (1 + Math.log(size / CLIP)) : units;
}

export function spreadOf(variance: number, mean: number): number {
  return Math.max(Math.sqrt(variance), RELATIVE_FLOOR * Math.abs(mean), ABSOLUTE_FLOOR);
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
