/**
 * A trained network's opinion: how badly it restores the device's latest row from the window that ends with it. It is a member of an
 * ensemble whose profile names a model; it speaks when it has seen a device for 200 frames.
 */
import { Type } from '@sinclair/typebox';
import { ReasonCode } from '../domain/reasons.js';
import { clippedSquare } from '../neural/last-row-errors.js';
import type { Artifact } from '../neural/artifact.js';
import { joinPrior, learnValue, normalise, NORMALISER_LENGTH, restore } from '../neural/normaliser.js';
import { levelFactor } from '../statistics/tracked-level.js';
import { MAX_STRANGENESS, type AnyDetector, type DetectorKernel, type FrameView } from './detector.js';

/** Frames learned, the level, the frame of the ring that comes next … */
const COUNT = 0;
const LEVEL = 1;
const NEXT = 2;
/** … then the normaliser, errors by channel, and the latest rows. */
const NORMALISER = 3;

/** Of a channel's errors: variance, mean of late, and the variance of that. */
const ERRORS_LENGTH = 3;
const VARIANCE = 0;
const RECENT = 1;
const RECENT_VARIANCE = 2;
/** Memory of the mean of late, in frames: a small error that lasts counts as much as a large one that does not. */
const RECENT_MEMORY = 10;
/** Memory of the variances. What was learned in training counts as one of `LEVEL_FRAMES`. */
const ERRORS_MEMORY = 5_000;
/** Share of the mean of late in how badly a row is restored. */
const RECENT_SHARE = 0.25;
/** Variance of a mean of late, of errors that do not hang together. */
const INDEPENDENT = 1 / (2 * RECENT_MEMORY - 1);

/** The level that was learned in training counts as one of so many frames. */
const LEVEL_FRAMES = 100;
/** A frame farther out, in units of the level, teaches `DOUBTED` of what an ordinary one does. */
const DOUBT_FROM = 1.5;
const DOUBTED = 0.01;
const VERDICT = 1e3;
/** A usual error is at least this share of what it was in training. */
const LEAST_SHARE = 0.1;
/** A channel is named from so many usual errors on. */
const FAR = 3;

/** Whether a device with these channels has all that the model looks at. */
export function fitsModel(model: Artifact, names: readonly string[]): boolean {
  return model.header.channels.every((name) => names.includes(name));
}

/** How long it looks at a device before it speaks. */
export interface Acquaintance {
  /** Frames in which a device shows where it is; what the training knew joins them. */
  readonly ownFrames: number;
  /** Frames after those in which its errors show their level. */
  readonly levelFrames: number;
}

export const USUAL_ACQUAINTANCE: Acquaintance = { ownFrames: 100, levelFrames: 100 };

/** The detector of a model. @param names channels of the device, which `fitsModel` */
export function autoencoderOf(
  model: Artifact,
  names: readonly string[],
  acquaintance = USUAL_ACQUAINTANCE,
): AnyDetector {
  return {
    name: 'autoencoder',
    summary: 'How badly a trained network restores the latest row.',
    scope: 'frame',
    scale: 'level',
    vote: { strength: 2, onset: 1, lasting: 0 },
    settings: Type.Object({ model: Type.String() }, { additionalProperties: false }),
    kernel: (channels) =>
      createKernel(
        model,
        channels,
        model.header.channels.map((name) => names.indexOf(name)),
        acquaintance,
      ),
  };
}

/** @param source for each channel of the model its index among the device's */
function createKernel(
  model: Artifact,
  channels: number,
  source: readonly number[],
  { ownFrames, levelFrames }: Acquaintance,
): DetectorKernel {
  const { header, network } = model;
  const { steps } = header.topology;
  const count = source.length;
  const errorsAt = NORMALISER + NORMALISER_LENGTH * count;
  const ringAt = errorsAt + ERRORS_LENGTH * count;
  const restores = Math.max(ownFrames, steps - 1);
  const start = restores + levelFrames;
  const row = new Float64Array(count);
  const window = new Float64Array(steps * count);
  const errors = new Float64Array(count);
  const squares = new Float64Array(count);
  const scored = { state: undefined as Float64Array | undefined, at: 0, distance: 0 };

  return {
    sharedLength: ringAt + steps * count,
    channelLength: 0,
    keepsSharedPart: false,
    init(state, at) {
      state[at + LEVEL] = header.errors.level;
      header.errors.spread.forEach((spread, m) => {
        const base = at + errorsAt + m * ERRORS_LENGTH;
        state[base + VARIANCE] = spread * spread;
        state[base + RECENT_VARIANCE] = spread * spread * INDEPENDENT * 4;
      });
    },

    score(state, at, frame, out) {
      scored.state = undefined;
      if (state[at + COUNT]! < start || !look(state, at, frame)) return;
      scored.distance = distance(state, at);
      scored.state = state;
      scored.at = at;
      const strangeness = scored.distance / state[at + LEVEL]!;
      out.strangeness[0] = Math.min(strangeness, MAX_STRANGENESS);
      out.attribution.fill(0, 0, channels);
      for (let m = 0; m < count; m++) {
        const c = source[m]!;
        out.attribution[c] = squares[m]!;
        if (strangeness <= 1 || squares[m]! < FAR * FAR) continue;
        out.reason[c] = ReasonCode.pattern;
        out.reasonA[c] = strangeness;
        out.reasonB[c] = restore(state, at + NORMALISER, m, window[(steps - 1) * count + m]! - errors[m]!);
      }
    },

    learn(state, at, frame, weight) {
      if (!(weight > 0) || !look(state, at, frame)) {
        // What was scored is not learned: the next frame that is must not take its errors for its own.
        scored.state = undefined;
        return;
      }
      const seen = ++state[at + COUNT]!;
      const taught = seen > restores ? judge(state, at, seen, weight) : Math.min(1, weight);
      const next = state[at + NEXT]!;
      state.set(row, at + ringAt + next * count);
      state[at + NEXT] = (next + 1) % steps;
      for (let m = 0; m < count; m++) {
        const value = frame.values[source[m]!]!;
        if (!Number.isNaN(value)) learnValue(state, at + NORMALISER, m, value, taught);
      }
      if (seen === ownFrames) joinPrior(state, at + NORMALISER, header.normaliser);
    },
  };

  /** The frame's values into `row`; what is missing is as in the row before. @returns whether there is any */
  function look(state: Float64Array, at: number, frame: FrameView): boolean {
    const before = at + ringAt + ((state[at + NEXT]! + steps - 1) % steps) * count;
    let isAny = false;
    for (let m = 0; m < count; m++) {
      const value = frame.values[source[m]!]!;
      row[m] = Number.isNaN(value) ? state[before + m]! : value;
      if (!Number.isNaN(value)) isAny = true;
    }
    return isAny;
  }

  /** How badly `row`, at the end of the latest rows, is restored; leaves `window`, `errors` and `squares`. */
  function distance(state: Float64Array, at: number): number {
    const next = state[at + NEXT]!;
    for (let s = 0; s < steps - 1; s++) {
      const from = at + ringAt + ((next + 1 + s) % steps) * count;
      for (let m = 0; m < count; m++) window[s * count + m] = normalise(state, at + NORMALISER, m, state[from + m]!);
    }
    const last = (steps - 1) * count;
    for (let m = 0; m < count; m++) window[last + m] = normalise(state, at + NORMALISER, m, row[m]!);
    const restored = network.run(window, steps - 1);
    let sum = 0;
    for (let m = 0; m < count; m++) {
      const base = at + errorsAt + m * ERRORS_LENGTH;
      errors[m] = window[last + m]! - restored[last + m]!;
      const recent = state[base + RECENT]! + (errors[m]! - state[base + RECENT]!) / RECENT_MEMORY;
      squares[m] =
        (1 - RECENT_SHARE) * clippedSquare(errors[m]! / Math.sqrt(state[base + VARIANCE]!)) +
        RECENT_SHARE * clippedSquare(recent / Math.sqrt(state[base + RECENT_VARIANCE]!));
      sum += squares[m]!;
    }
    return sum / count;
  }

  /** Takes the errors of the row in. */
  function learnErrors(state: Float64Array, at: number, seen: number, weight: number): void {
    const gain = weight / Math.min(seen - restores + LEVEL_FRAMES, ERRORS_MEMORY);
    for (let m = 0; m < count; m++) {
      const base = at + errorsAt + m * ERRORS_LENGTH;
      const least = (LEAST_SHARE * header.errors.spread[m]!) ** 2;
      state[base + RECENT]! += (errors[m]! - state[base + RECENT]!) / RECENT_MEMORY;
      const square = clippedSquare(errors[m]! / Math.sqrt(state[base + VARIANCE]!)) * state[base + VARIANCE]!;
      const recent =
        clippedSquare(state[base + RECENT]! / Math.sqrt(state[base + RECENT_VARIANCE]!)) *
        state[base + RECENT_VARIANCE]!;
      state[base + VARIANCE] = Math.max(least, state[base + VARIANCE]! + gain * (square - state[base + VARIANCE]!));
      state[base + RECENT_VARIANCE] = Math.max(
        least * INDEPENDENT,
        state[base + RECENT_VARIANCE]! + gain * (recent - state[base + RECENT_VARIANCE]!),
      );
    }
  }

  /** Moves the level by how strange the frame is. @returns how much the frame teaches */
  function judge(state: Float64Array, at: number, seen: number, weight: number): number {
    const isKnown = scored.state === state && scored.at === at;
    const strangeness = (isKnown ? scored.distance : distance(state, at)) / state[at + LEVEL]!;
    scored.state = undefined;
    if (weight > VERDICT) {
      state[at + LEVEL]! *= Math.max(1, strangeness);
      return 1;
    }
    const isDoubted = seen > start && strangeness > DOUBT_FROM;
    const taught = isDoubted ? Math.min(weight, DOUBTED) : Math.min(1, weight);
    state[at + LEVEL]! *= levelFactor(strangeness, seen - restores + LEVEL_FRAMES, taught);
    learnErrors(state, at, seen, taught);
    return taught;
  }
}
