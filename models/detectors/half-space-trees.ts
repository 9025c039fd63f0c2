import { Type } from '@sinclair/typebox';
import { ReasonCode } from '../domain/reasons.js';
import { defineDetector, type DetectorKernel, type FrameView } from './detector.js';
import { pullIn } from './robust-start.js';

const Settings = Type.Object(
  {
    trees: Type.Integer({ default: 12, minimum: 1, maximum: 256, description: 'Number of trees (default 12).' }),
    depth: Type.Integer({ default: 5, minimum: 1, maximum: 12, description: 'Cuts on each path (default 5).' }),
    memory: Type.Number({
      default: 1_000,
      minimum: 10,
      maximum: 1e6,
      description: 'Memory of the masses, in frames (default 1,000).',
    }),
    seed: Type.Integer({ default: 1, minimum: 0, maximum: 4_294_967_295, description: 'Draws the cuts (default 1).' }),
  },
  { additionalProperties: false, default: {} },
);

/** Frames that a tree must hold before it is asked. */
const LEAST_MASS = 24;
/** Memory of each feature's centre and spread, in frames. */
const SCALE_HORIZON = 1_000;
const CLIP = 4;
const SIGMA_PER_MAD = 1.2533;
const RELATIVE_FLOOR = 1e-6;
const ABSOLUTE_FLOOR = 1e-12;
/** Mass that an empty half is given, in frames: how sure a tree can be that nothing goes there. */
const PRIOR_MASS = 0.5;

/** Mass of one frame, in the place of a node 0 that the first tree does not have. It grows, and all is rescaled when it is large. */
const UNIT = 0;
const ROOT = 1;
const LARGEST_UNIT = 1e9;

const COUNT = 0;
const LAST = 1;
/** Each channel has two features, its value and its step from the value before; each has a centre and a spread. */
const FEATURES = 2;
const CENTRE = 2;
const SPREAD = 3;
/** The first values, until there are enough. */
const FIRST = 6;
const CHANNEL_LENGTH = FIRST + LEAST_MASS;

/**
 * Whether the channels go together as they usually do: a forest of random half-space cuts through all channels and their
 * steps, whose nodes remember how much went which way.
 *
 * Input    frame of C values; a missing one takes the busier half
 * Output   one strangeness for the frame: mean over trees of the summed −log2 share of the half taken at each cut, about
 *          `depth` for an ordinary frame, more in thin regions; attribution by the cuts that were surprising
 * State    trees·2^(depth+1) masses, then 30·C: count, last value, centre and spread of value and step,
 *          the first 24 values
 * Cost     O(trees·depth + C) a frame
 * Fails    SettingInvalidError when a setting is out of range
 * Weak on  many channels, where 12 trees see few of them together; the trees start anew when the set of channels changes
 * Source   Tan, Ting & Liu (2011), IJCAI, 1511–1516; here with fading masses in place of two windows
 *
 * @example
 * const detector = halfSpaceTrees.create({ channels: 2 });
 * for (let i = 0; i < 200; i++) detector.learn([Math.sin(i), Math.sin(i)]);
 * detector.score([0.9, -0.9]); // higher than for [0.9, 0.9]
 */
export const halfSpaceTrees = defineDetector({
  name: 'half-space-trees',
  summary: 'Whether the channels go together as they usually do.',
  scope: 'frame',
  settings: Settings,
  createKernel(channels, settings): DetectorKernel {
    const { trees, depth } = settings;
    const nodes = 2 ** (depth + 1);
    const inner = 2 ** depth;
    const { features: cutFeature, points: cutPoint } = drawCuts(trees, depth, channels * FEATURES, settings.seed);
    const sharedLength = trees * nodes;
    const point = new Float64Array(channels * FEATURES);

    /**
     * Fills `point` with the features in [-1, 1]: usual values near 0, NaN where there is none.
     *
     * @returns whether there is any
     */
    const locate = (state: Float64Array, at: number, frame: FrameView): boolean => {
      let isAnywhere = false;
      for (let c = 0; c < channels; c++) {
        const base = at + sharedLength + c * CHANNEL_LENGTH;
        const value = state[base + COUNT]! > 0 ? frame.values[c]! : NaN;
        isAnywhere ||= !Number.isNaN(value);
        for (let f = 0; f < FEATURES; f++) {
          const from = base + FEATURES * f;
          const raw = f === 0 ? value : value - state[base + LAST]!;
          const z = (raw - state[from + CENTRE]!) / deviation(state, from);
          point[c * FEATURES + f] = z / (2 + Math.abs(z));
        }
      }
      return isAnywhere;
    };

    /** The child that the point goes to. */
    const descend = (state: Float64Array, root: number, tree: number, node: number): number => {
      const position = point[cutFeature[tree * inner + node]!]!;
      if (Number.isNaN(position))
        return state[root + 2 * node]! >= state[root + 2 * node + 1]! ? 2 * node : 2 * node + 1;
      return position < cutPoint[tree * inner + node]! ? 2 * node : 2 * node + 1;
    };

    return {
      sharedLength,
      channelLength: CHANNEL_LENGTH,
      keepsSharedPart: false,
      init(state, at) {
        state[at + UNIT] = 1;
      },

      score(state, at, frame, out) {
        const unit = state[at + UNIT]!;
        if (state[at + ROOT]! < LEAST_MASS * unit || !locate(state, at, frame)) return;
        const prior = PRIOR_MASS * unit;
        out.attribution.fill(0);
        let sum = 0;
        for (let tree = 0; tree < trees; tree++) {
          const root = at + tree * nodes;
          let shares = 1;
          for (let node = 1; node < inner;) {
            const child = descend(state, root, tree, node);
            const share = (state[root + child]! + prior) / (state[root + node]! + 2 * prior);
            shares *= Math.min(1, share);
            if (share < 0.5)
              out.attribution[Math.floor(cutFeature[tree * inner + node]! / FEATURES)]! += -Math.log2(share) - 1;
            node = child;
          }
          sum -= Math.log2(shares);
        }
        out.strangeness[0] = sum / trees;
        out.reason.fill(ReasonCode.pattern);
        out.reasonA.fill(sum / trees);
      },

      learn(state, at, frame, weight) {
        if (!(weight > 0)) return;
        if (locate(state, at, frame)) {
          const mass = state[at + UNIT]! * Math.min(weight, settings.memory);
          for (let tree = 0; tree < trees; tree++) {
            const root = at + tree * nodes;
            state[root + ROOT]! += mass;
            for (let node = 1; node < inner;) {
              node = descend(state, root, tree, node);
              state[root + node]! += mass;
            }
          }
          // Old masses fade by letting new ones grow, which touches one path and not all nodes.
          state[at + UNIT]! /= 1 - Math.min(1, weight) / settings.memory;
          if (state[at + UNIT]! > LARGEST_UNIT) rescale(state, at, sharedLength);
        }
        for (let c = 0; c < channels; c++) {
          const value = frame.values[c]!;
          if (Number.isNaN(value)) continue;
          const base = at + sharedLength + c * CHANNEL_LENGTH;
          const count = state[base + COUNT]!;
          learnScale(state, base, frame.values, c, weight);
          if (count >= LEAST_MASS) continue;
          state[base + FIRST + Math.floor(count)] = value;
          if (state[base + COUNT]! >= LEAST_MASS && pullIn(state, base + FIRST, LEAST_MASS)) restartScale(state, base);
        }
      },
    };
  },
});

function restartScale(state: Float64Array, base: number): void {
  state.fill(0, base, base + FIRST);
  for (let i = 0; i < LEAST_MASS; i++) learnScale(state, base, state, base + FIRST + i, 1);
}

function learnScale(state: Float64Array, base: number, values: Float64Array, index: number, weight: number): void {
  const value = values[index]!;
  const count = state[base + COUNT]!;
  const gain = Math.max(1 / SCALE_HORIZON, 1 / (count + 1));
  for (let f = 0; f < FEATURES; f++) {
    const from = base + FEATURES * f;
    // There is no step before the second value.
    const raw = f === 0 ? value : count > 0 ? value - state[base + LAST]! : 0;
    const error = raw - state[from + CENTRE]!;
    const bound = count < LEAST_MASS ? Infinity : CLIP * deviation(state, from) * Math.max(1, weight);
    const taken = Math.max(-bound, Math.min(bound, error));
    state[from + CENTRE]! += Math.min(1, gain * weight) * taken;
    if (count > 0) state[from + SPREAD]! += gain * Math.min(1, weight) * (Math.abs(taken) - state[from + SPREAD]!);
  }
  state[base + LAST] = value;
  state[base + COUNT] = Math.min(count + Math.min(1, weight), SCALE_HORIZON);
}

function rescale(state: Float64Array, at: number, length: number): void {
  const factor = 1 / state[at + UNIT]!;
  for (let i = at; i < at + length; i++) state[i]! *= factor;
}

function deviation(state: Float64Array, from: number): number {
  return SIGMA_PER_MAD * state[from + SPREAD]! + RELATIVE_FLOOR * Math.abs(state[from + CENTRE]!) + ABSOLUTE_FLOOR;
}

/**
 * A feature and a point in (-0.8, 0.8) for every inner node. Cuts of one feature on a path halve, roughly, what is left of
 * its range, as in the paper; the trees are the same for every device of a profile.
 */
function drawCuts(
  trees: number,
  depth: number,
  featureCount: number,
  seed: number,
): { features: Uint32Array; points: Float64Array } {
  const inner = 2 ** depth;
  const features = new Uint32Array(trees * inner);
  const points = new Float64Array(trees * inner);
  for (let tree = 0; tree < trees; tree++) {
    for (let node = 1; node < inner; node++) {
      const at = tree * inner + node;
      features[at] = Math.floor(uniform(seed, tree, node, 0) * featureCount);
      let low = -0.8;
      let high = 0.8;
      for (let child = node; child > 1; child >>= 1) {
        const parent = tree * inner + (child >> 1);
        if (features[parent] !== features[at]) continue;
        if (child % 2 === 0) high = Math.min(high, points[parent]!);
        else low = Math.max(low, points[parent]!);
      }
      points[at] = low + (high - low) * (0.25 + 0.5 * uniform(seed, tree, node, 1));
    }
  }
  return { features, points };
}

/** A number in [0, 1) that depends on its arguments alone. Mixing steps of MurmurHash3 (Appleby, public domain). */
function uniform(...parts: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const part of parts) {
    hash = Math.imul(hash ^ (part + 0x7f4a7c15), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return (hash >>> 0) / 4_294_967_296;
}
