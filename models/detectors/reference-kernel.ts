/**
 * A reference model of a device: mean, spread and correlation of its channels, as a view shows them, and how far a frame
 * lies from that: the Mahalanobis distance with a ridge. `reference.ts` says what it is good for.
 */
import { ReasonCode } from '../domain/reasons.js';
import { factorise, packedLength, solveLower, solveUpper } from '../statistics/cholesky.js';
import { quadraticFormLevel } from '../statistics/quadratic-form-level.js';
import { medianDeviation, medianOf } from '../statistics/running-median.js';
import { levelFactor } from '../statistics/tracked-level.js';
import { MAX_STRANGENESS, type DetectorKernel, type FrameView } from './detector.js';
import { pullIn } from './robust-start.js';
import { VIEW_LENGTH, type RowView } from './row-views.js';

export interface ReferenceOptions {
  readonly view: RowView;
  /** Reason for a channel that is strange by itself; others have `pattern`. */
  readonly reason: ReasonCode;
  /**
   * Whether ordinary frames within a run of strange ones are doubted too. With it a long fault stays strange; without it the
   * model follows a device that changes for good.
   */
  readonly doubtsRuns: boolean;
  /** Frames before it speaks. */
  readonly start: number;
  /** Memory in frames. */
  readonly memory: number;
}

/** Frames of the start that are kept, evenly spaced, to see how far the device's own frames lie from its model. */
const SAMPLES = 64;
/** Of those, this many lie beyond the level: the third largest is the level of about 97 %. */
const BEYOND = 3;
/** First frames, in which outliers are pulled in before anything is built on them. */
const FIRST = 24;
/** Beyond so many standard deviations a channel's distance grows with the logarithm only, and teaches no more. */
const CLIP = 10;
/** Added to the diagonal of the correlation matrix: a direction in which channels hardly ever moved is no hundredfold alarm. */
const RIDGE = 0.1;
/** A standard deviation is at least this share of the range: channels that rest for long and then switch. */
const RANGE_SHARE = 0.02;
/** The range is at least this share of the largest magnitude. */
const MAGNITUDE_SHARE = 0.1;
const ABSOLUTE_FLOOR = 1e-9;
/** A frame farther out than this, in units of the level, teaches `DOUBTED` of what an ordinary one does. */
const DOUBT_FROM = 1.5;
const DOUBTED = 0.01;
/** A run of strange frames: a mean strangeness above this, over so many frames; one frame counts as `MOST_STRANGE` at most. */
const RUN_FROM = 0.8;
const RUN_MEMORY = 10;
const MOST_STRANGE = 5;
const CALM = 0.4;
/** Frames between two factorisations, once the model is so old. */
const REFIT_EVERY = 2_000;
/** A weight above this is a person's verdict. */
const VERDICT = 1e3;
/** A channel strange by itself, in standard deviations. */
const FAR = 3;

/** Shared part: frames learned, mass of the means, mean strangeness of late, the level, frames until the next factorisation … */
const COUNT = 0;
const MASS = 1;
const RUN = 2;
const LEVEL = 3;
const NEXT = 4;
/** … then covariance, factor and sample. */
const MATRICES = 5;

/** Of a channel, after what its view keeps. */
const SEEN = VIEW_LENGTH;
const MEAN = VIEW_LENGTH + 1;
const HIGH = VIEW_LENGTH + 2;
const LOW = VIEW_LENGTH + 3;
/** 1 / standard deviation. */
const SCALE = VIEW_LENGTH + 4;
const CHANNEL_LENGTH = VIEW_LENGTH + 5;

/** A kernel of scope `frame`. Strangeness 1 is the level that 98 % of the device's own ordinary frames stay below. */
export function createReferenceKernel(channels: number, options: ReferenceOptions): DetectorKernel {
  const { view, start, memory } = options;
  const packed = packedLength(channels);
  const covarianceAt = MATRICES;
  const factorAt = covarianceAt + packed;
  const sampleAt = factorAt + packed;
  const sharedLength = sampleAt + SAMPLES * channels;
  const row = new Float64Array(channels);
  const z = new Float64Array(channels);
  const y = new Float64Array(channels);
  const step = new Float64Array(channels);
  const distances = new Float64Array(SAMPLES);
  const first = new Float64Array(FIRST);
  /** The row that was scored last, in which state, and what came out: it is mostly learned next. */
  const scored = { state: undefined as Float64Array | undefined, at: 0, distance: 0 };
  const scoredRow = new Float64Array(channels);

  return {
    sharedLength,
    channelLength: CHANNEL_LENGTH,
    keepsSharedPart: false,
    init(state, at) {
      state[at + RUN] = CALM;
    },

    score(state, at, frame, out) {
      if (state[at + COUNT]! < start || !look(state, at, frame)) return;
      scored.distance = distance(state, at, row, 0);
      scored.state = state;
      scored.at = at;
      scoredRow.set(row);
      const strangeness = scored.distance / state[at + LEVEL]!;
      out.strangeness[0] = Math.min(strangeness, MAX_STRANGENESS);
      out.attribution.fill(0);
      if (strangeness <= 1) return;
      solveUpper(state, at + factorAt, channels, y);
      for (let c = 0; c < channels; c++) {
        // What the channel adds to zᵀ·A⁻¹·z; below 0 where it makes the others' distance less strange.
        out.attribution[c] = Math.max(0, z[c]! * y[c]!);
        const isFar = Math.abs(z[c]!) > FAR;
        out.reason[c] = isFar ? options.reason : ReasonCode.pattern;
        out.reasonA[c] = isFar ? inUnits(row[c]!) : strangeness;
        out.reasonB[c] = isFar ? inUnits(state[channelAt(at, c) + MEAN]!) : NaN;
      }
    },

    learn(state, at, frame, weight) {
      if (!(weight > 0) || !look(state, at, frame)) return;
      const viewsAt = at + sharedLength;
      if (weight > VERDICT) {
        view.settle(state, viewsAt, CHANNEL_LENGTH, frame.values, channels);
        settle(state, at, frame);
        return;
      }
      const count = ++state[at + COUNT]!;
      if (count > start) learnRow(state, at, judge(state, at, count, weight), Math.max(1, weight));
      else learnStart(state, at, count, Math.min(1, weight));
      view.learn(state, viewsAt, CHANNEL_LENGTH, frame.values, channels);
      if (count < state[at + NEXT]!) return;
      if (count >= start) refit(state, at);
      if (count === start) setLevel(state, at);
      state[at + NEXT] = count < start ? start : count + Math.min(count, REFIT_EVERY);
    },
  };

  function channelAt(at: number, channel: number): number {
    return at + sharedLength + channel * CHANNEL_LENGTH;
  }

  /** The view of a frame into `row`. @returns whether any channel has a value */
  function look(state: Float64Array, at: number, frame: FrameView): boolean {
    view.look(state, at + sharedLength, CHANNEL_LENGTH, frame.values, channels, row);
    for (let c = 0; c < channels; c++) if (!Number.isNaN(row[c]!)) return true;
    return false;
  }

  function inUnits(value: number): number {
    return options.reason === ReasonCode.variability ? Math.exp(value) : value;
  }

  /** zᵀ·A⁻¹·z by channel, for `values[from …]`; leaves z, and in `y` the solution of L·y = z. */
  function distance(state: Float64Array, at: number, values: Float64Array, from: number): number {
    for (let c = 0, base = channelAt(at, 0); c < channels; c++, base += CHANNEL_LENGTH) {
      let deviations = (values[from + c]! - state[base + MEAN]!) * state[base + SCALE]!;
      if (Number.isNaN(deviations)) deviations = 0;
      const size = Math.abs(deviations);
      if (size > CLIP) deviations = Math.sign(deviations) * CLIP * (1 + Math.log(size / CLIP));
      z[c] = deviations;
      y[c] = deviations;
    }
    solveLower(state, at + factorAt, channels, y);
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += y[c]! * y[c]!;
    return sum / channels;
  }

  /** Of `row`: what `score` found, if it looked at the same one. */
  function knownDistance(state: Float64Array, at: number): number {
    if (scored.state !== state || scored.at !== at) return distance(state, at, row, 0);
    for (let c = 0; c < channels; c++) if (!Object.is(row[c], scoredRow[c])) return distance(state, at, row, 0);
    return scored.distance;
  }

  /** Standard deviations with their floors. */
  function scale(state: Float64Array, at: number): void {
    for (let c = 0, p = at + covarianceAt; c < channels; c++, p += c + 1) {
      const base = channelAt(at, c);
      const high = state[base + HIGH]!;
      const low = state[base + LOW]!;
      const range = Math.max(high - low, MAGNITUDE_SHARE * Math.max(Math.abs(high), Math.abs(low)));
      state[base + SCALE] = 1 / Math.max(Math.sqrt(state[p]!), RANGE_SHARE * range, ABSOLUTE_FLOOR);
    }
  }

  /** Moves run and level by how strange the frame is. @returns how much the frame teaches */
  function judge(state: Float64Array, at: number, count: number, weight: number): number {
    const strangeness = knownDistance(state, at) / state[at + LEVEL]!;
    scored.state = undefined;
    state[at + RUN]! += (Math.min(strangeness, MOST_STRANGE) - state[at + RUN]!) / RUN_MEMORY;
    const isDoubted = strangeness > DOUBT_FROM || (options.doubtsRuns && state[at + RUN]! > RUN_FROM);
    const taught = weight > 1 || !isDoubted ? weight : Math.min(weight, DOUBTED);
    state[at + LEVEL] = Math.max(
      state[at + LEVEL]! * levelFactor(strangeness, count, Math.min(1, taught)),
      ABSOLUTE_FLOOR,
    );
    return taught;
  }

  function learnStart(state: Float64Array, at: number, count: number, weight: number): void {
    learnRow(state, at, weight, count > FIRST ? 1 : Infinity);
    const slot = count <= FIRST ? count - 1 : Math.floor(((count - 1) * SAMPLES) / start);
    state.set(row, at + sampleAt + slot * channels);
    if (count === FIRST) pullFirstIn(state, at);
  }

  /** Means and covariance anew from the first frames, when there are outliers among them. */
  function pullFirstIn(state: Float64Array, at: number): void {
    let isChanged = false;
    for (let c = 0; c < channels; c++) {
      let known = 0;
      for (let i = 0; i < FIRST; i++) {
        const value = state[at + sampleAt + i * channels + c]!;
        if (!Number.isNaN(value)) first[known++] = value;
      }
      // Of many equal values a few others are no outliers: a switch that was used.
      if (known === 0 || medianDeviation(first, 0, known, medianOf(first, 0, known)) === 0) continue;
      if (!pullIn(first, 0, known)) continue;
      isChanged = true;
      for (let i = FIRST - 1; i >= 0; i--) {
        const sample = at + sampleAt + i * channels + c;
        if (!Number.isNaN(state[sample]!)) state[sample] = first[--known]!;
      }
    }
    if (!isChanged) return;
    state[at + MASS] = 0;
    for (let c = 0; c < channels; c++) state[channelAt(at, c) + SEEN] = 0;
    for (let i = 0; i < FIRST; i++) {
      const sample = at + sampleAt + i * channels;
      row.set(state.subarray(sample, sample + channels));
      learnRow(state, at, 1, Infinity);
    }
  }

  /** Means, ranges and covariance. @param bound in units of `CLIP` standard deviations: what lies beyond teaches no more */
  function learnRow(state: Float64Array, at: number, weight: number, bound: number): void {
    const mass = Math.min(state[at + MASS]! + Math.min(1, weight), memory);
    state[at + MASS] = mass;
    const gain = Math.min(1, weight / mass);
    const inStart = state[at + COUNT]! <= start;
    for (let c = 0; c < channels; c++) {
      step[c] = 0;
      const value = row[c]!;
      if (Number.isNaN(value)) continue;
      const base = channelAt(at, c);
      if (state[base + SEEN] === 0) {
        state[base + SEEN] = 1;
        state[base + MEAN] = value;
        state[base + HIGH] = value;
        state[base + LOW] = value;
        continue;
      }
      widen(state, base, value);
      const usual = (bound * CLIP) / state[base + SCALE]!;
      // At the start a value within the range is never cut: a channel that switches must be known for it.
      const limit = inStart ? Math.max(usual, state[base + HIGH]! - state[base + LOW]!) : usual;
      const taken = Math.max(-limit, Math.min(limit, value - state[base + MEAN]!));
      step[c] = taken;
      state[base + MEAN]! += gain * taken;
    }
    const keep = 1 - gain;
    for (let i = 0, p = at + covarianceAt; i < channels; i++) {
      const share = gain * step[i]!;
      const variance = state[p + i]!;
      for (let j = 0; j <= i; j++, p++) state[p] = keep * (state[p]! + share * step[j]!);
      // A channel without a value has not become quieter.
      if (Number.isNaN(row[i]!)) state[p - 1] = variance;
    }
    scale(state, at);
  }

  /** The range takes a value in, and forgets old ones as slowly as the model does. */
  function widen(state: Float64Array, base: number, value: number): void {
    const mean = state[base + MEAN]!;
    const high = state[base + HIGH]!;
    const low = state[base + LOW]!;
    // One wild value does not blind a channel: in one frame the range doubles at most.
    const most = high > low ? high - low : Infinity;
    state[base + HIGH] = Math.max(Math.min(value, high + most), high + (mean - high) / memory);
    state[base + LOW] = Math.min(Math.max(value, low - most), low + (mean - low) / memory);
  }

  /** Factor of the correlation matrix plus ridge. */
  function refit(state: Float64Array, at: number): void {
    for (let i = 0, p = 0; i < channels; i++) {
      const scaleOfRow = state[channelAt(at, i) + SCALE]!;
      for (let j = 0; j <= i; j++, p++) {
        const correlation = state[at + covarianceAt + p]! * scaleOfRow * state[channelAt(at, j) + SCALE]!;
        state[at + factorAt + p] = i === j ? correlation + RIDGE : correlation;
      }
    }
    factorise(state, at + factorAt, channels);
  }

  /** The level at the start: what Gaussian frames with this correlation would have, or what the device's own frames have if that is more. */
  function setLevel(state: Float64Array, at: number): void {
    for (let i = 0; i < SAMPLES; i++) distances[i] = distance(state, at, state, at + sampleAt + i * channels);
    distances.sort();
    state[at + LEVEL] = Math.max(distances[SAMPLES - BEYOND]!, gaussianLevel(state, at), ABSOLUTE_FLOOR);
  }

  /** With A = R + ρ·I for the correlation R, R·A⁻¹ = I − ρ·A⁻¹: its trace and that of its square come from the columns of A⁻¹. */
  function gaussianLevel(state: Float64Array, at: number): number {
    let trace = 0;
    let squares = 0;
    for (let c = 0; c < channels; c++) {
      y.fill(0);
      y[c] = 1;
      solveLower(state, at + factorAt, channels, y);
      solveUpper(state, at + factorAt, channels, y);
      trace += y[c]!;
      for (let i = 0; i < channels; i++) squares += y[i]! * y[i]!;
    }
    const sum = channels - RIDGE * trace;
    const sumOfSquares = channels - 2 * RIDGE * trace + RIDGE * RIDGE * squares;
    return sum > 0 && sumOfSquares > 0 ? quadraticFormLevel(sum, sumOfSquares) / channels : 0;
  }

  /** Whether a channel that hardly ever moved is now far from where it was: then its spread is known for as little as its place. */
  function wasIdle(state: Float64Array, at: number): boolean {
    for (let c = 0, p = at + covarianceAt; c < channels; c++, p += c + 1) {
      const base = channelAt(at, c);
      const isFar = Math.abs(row[c]! - state[base + MEAN]!) * state[base + SCALE]! > FAR;
      if (isFar && Math.sqrt(state[p]!) * state[base + SCALE]! < 1) return true;
    }
    return false;
  }

  /** Forgets everything but what the view keeps, and is silent until it has seen enough again. */
  function startAnew(state: Float64Array, at: number): void {
    state[at + COUNT] = 0;
    state[at + MASS] = 0;
    state[at + NEXT] = 0;
    state[at + RUN] = CALM;
    for (let c = 0; c < channels; c++) state[channelAt(at, c) + SEEN] = 0;
  }

  /** A person says that the device is well: its present place is the mean, and no frame like it is beyond the level. */
  function settle(state: Float64Array, at: number, frame: FrameView): void {
    if (!look(state, at, frame)) return;
    if (wasIdle(state, at)) {
      startAnew(state, at);
      return;
    }
    for (let c = 0; c < channels; c++) {
      if (!Number.isNaN(row[c]!)) state[channelAt(at, c) + MEAN] = row[c]!;
    }
    state[at + MASS] = Math.min(state[at + MASS]!, start);
    state[at + RUN] = CALM;
  }
}
