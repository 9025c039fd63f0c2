import { Type } from '@sinclair/typebox';
import { ReasonCode } from '../domain/reasons.js';
import { nearestMean, nearestPair, nearestShape } from '../statistics/nearest-windows.js';
import { packedLength, unpackNewestFirst, writePacked } from '../statistics/packed-ring.js';
import { TailHistogram } from '../statistics/tail-histogram.js';
import { defineDetector, TEACH, type DetectorKernel, type FrameView } from './detector.js';

const Settings = Type.Object(
  {
    minutes: Type.Number({
      default: 60,
      minimum: 1,
      maximum: 1_440,
      description: 'Length of a block in minutes (default 60), of no less than a frame.',
    }),
    blocks: Type.Integer({
      default: 256,
      minimum: 64,
      maximum: 4_096,
      description: 'Blocks of the past that are remembered (default 256: hours of 11 days).',
    }),
    neighbours: Type.Integer({
      default: 3,
      minimum: 1,
      maximum: 8,
      description: 'How often something must have been before to count as known (default 3).',
    }),
  },
  { additionalProperties: false, default: {} },
);

const MINUTE_MS = 60_000;
/**
 * However fast a device samples, a block must be full after a while: after 16 frames where it should last for an hour, and in
 * proportion. Also the block of devices without a usual interval.
 */
const MOST_FRAMES_A_MINUTE = 16 / 60;
/** Windows, in blocks. Means see a level through noise, shapes a course whose mean is usual. */
const MEAN_WINDOWS = [1, 12, 24] as const;
const SHAPE_WINDOWS = [2, 4, 12] as const;
const PAIR_WINDOW = 2;
/** Distances: one a mean window, one a shape window, the swing of the latest block, level and swing together. */
const SWING = MEAN_WINDOWS.length + SHAPE_WINDOWS.length;
const PAIR = SWING + 1;
const VIEWS = PAIR + 1;
const LONGEST_WINDOW: readonly number[] = [...MEAN_WINDOWS, ...SHAPE_WINDOWS, 1, PAIR_WINDOW];
/** Past windows before a distance is taken, and distances before one is judged. */
const LEAST_PAST = 4;
const LEAST_DISTANCES = 15;
/** Before, no view can say anything. */
const LEAST_BLOCKS = LEAST_PAST + 1 + LEAST_DISTANCES;
/** The unit of distances: mostly the range without its outermost values, to a tenth all of the range ever seen. */
const OUTER_SHARE = 0.02;
const EVER_SHARE = 0.1;
/** The range is measured anew at every block of a young channel, then at every 16th. */
const YOUNG_BLOCKS = 64;
const MEASURE_EVERY = 16;
/** A swing counts on top of this share of the usual one: the difference of two tiny swings is none. */
const USUAL_SHARE = 0.1;
const USUAL_MEMORY = 500;
const RELATIVE_FLOOR = 1e-9;
const ABSOLUTE_FLOOR = 1e-12;
/** One view says no more than "once in a million". */
const MOST_RARITY = 6;
/** What a person's "this is normal" weighs, in blocks. */
const VERDICT_WEIGHT = 20;
/** From here on a reason is worth giving. */
const REASON_RARITY = 1.5;

/** Distances in shares of the range, or of a factor e: from 0.003 to about 9. */
const TAIL = new TailHistogram({
  bins: 24,
  binsPerEFold: 3,
  lowest: 0.003,
  horizon: 10_000,
  isConcave: false,
  isPower: true,
  priorExcess: 0.5,
});

const BLOCKS = 0;
/** Of the block being filled. */
const FILLED = 1;
const SUM = 2;
const LOW = 3;
const HIGH = 4;
/** Frames of a block while the interval is unknown again. */
const FRAMES = 5;
const LAST = 6;
/** Of block means, ever. */
const LEAST = 7;
const MOST = 8;
/** Range of the block means remembered, without the outermost. */
const SPAN = 9;
const USUAL_SWING = 10;
/** Block means are kept as differences from the first. */
const ANCHOR = 11;
const HELD = 12;
const REASON = 13;
const REASON_A = 14;
const REASON_B = 15;
const RINGS = 16;

/**
 * Whether the channel has been like this before: the last hours against all hours of the past weeks.
 *
 * Frames are gathered to blocks of about an hour (1 to 16 frames). Eight views compare the latest window of blocks with
 * every past window and take the distance to the third nearest: level of 1, 12 and 24 blocks, course of 2, 4 and 12 blocks,
 * swing of a block, level and swing of 2 blocks together. Each view learns the distribution of its own distances.
 *
 * Input    frame of C values
 * Output   per channel half the mean and half the largest −log10 tail probability of the eight views, held until the next
 *          block is full: about 0.7 for an ordinary block, at most 6. NaN before 20 blocks
 * State    C·(224 + blocks): the open block, range, swing; two rings of blocks, two numbers in one; a tail a view.
 *          3.8 KB a channel as set by default
 * Cost     a frame that fills a block O(blocks · windows), about 25 µs; all others O(C)
 * Fails    SettingInvalidError when a setting is out of range
 * Weak on  single strange frames among a dozen ordinary ones (`residual` has them), the first day; intervals that change
 * Source   `models/statistics/nearest-windows.ts`. Weights of frames are not looked at but for 0: what happened is a fact, and
 *          must happen three times to be normal
 *
 * @example
 * const detector = nearestPast.create({ channels: 1 });
 * const facts = { stepMs: 3_600_000 };
 * for (let hour = 0; hour < 240; hour++) detector.learn([hour % 24], facts);
 * detector.score([40], facts); // [> 2]
 * detector.score([0], facts); // [< 1]
 */
export const nearestPast = defineDetector({
  name: 'nearest-past',
  summary: 'Whether the channel has been like this before: the last hours against the past weeks.',
  scope: 'channel',
  scale: 'rarity',
  mostChannels: 4,
  settings: Settings,
  createKernel(channels, settings): DetectorKernel {
    const { minutes, blocks, neighbours } = settings;
    const mostFrames = Math.max(1, Math.round(MOST_FRAMES_A_MINUTE * minutes));
    const swingsAt = RINGS + packedLength(blocks);
    const tailsAt = swingsAt + packedLength(blocks);
    const channelLength = tailsAt + VIEWS * TAIL.length;
    /** The series of the channel that is looked at, the latest block first. */
    const means = new Float64Array(blocks + 1);
    const swings = new Float64Array(blocks + 1);
    const logSwings = new Float64Array(blocks + 1);
    const ordered = new Float64Array(blocks + 1);
    const distances = new Float64Array(VIEWS);
    const rarities = new Float64Array(VIEWS);
    /** Of the block that a frame fills. */
    const full = { mean: 0, swing: 0, least: 0, most: 0, span: 0 };

    return {
      sharedLength: 0,
      channelLength,
      keepsSharedPart: true,
      init(state, at) {
        for (let c = 0; c < channels; c++) {
          const base = at + c * channelLength;
          for (let view = 0; view < VIEWS; view++) TAIL.init(state, base + tailsAt + view * TAIL.length);
        }
      },

      score(state, at, frame, out) {
        for (let c = 0; c < channels; c++) {
          const base = at + c * channelLength;
          if (Number.isNaN(frame.values[c]!)) continue;
          const isFull = state[base + FILLED]! + 1 >= framesOf(state, base, frame);
          if (state[base + BLOCKS]! + (isFull ? 1 : 0) < LEAST_BLOCKS) continue;
          if (!isFull) {
            out.strangeness[c] = state[base + HELD]!;
            out.reason[c] = state[base + REASON]!;
            out.reasonA[c] = state[base + REASON_A]!;
            out.reasonB[c] = state[base + REASON_B]!;
            continue;
          }
          close(state, base, frame.values, c);
          out.strangeness[c] = look(state, base, gather(state, base, 1));
          const view = strongestView();
          out.reason[c] = reasonOf(view);
          out.reasonA[c] = ofLate(view);
          out.reasonB[c] = before(state, base, view);
        }
      },

      learn(state, at, frame, weight) {
        if (!(weight > 0)) return;
        for (let c = 0; c < channels; c++) {
          const base = at + c * channelLength;
          const value = frame.values[c]!;
          if (Number.isNaN(value)) continue;
          // The verdict "normal" is about what was learned when it came.
          if (weight >= TEACH) vouch(state, base);
          else if (state[base + FILLED]! + 1 >= framesOf(state, base, frame)) learnBlock(state, base, frame, c);
          else gatherValue(state, base, value);
        }
      },
    };

    /** Frames of the open block: by the interval in force, else as in the block before. */
    function framesOf(state: Float64Array, base: number, frame: FrameView): number {
      if (frame.stepMs > 0) return Math.max(1, Math.min(mostFrames, Math.round((minutes * MINUTE_MS) / frame.stepMs)));
      return state[base + FRAMES]! > 0 ? state[base + FRAMES]! : mostFrames;
    }

    /** Takes the block that value `c` fills for the latest: judges it, learns its distances, remembers it. */
    function learnBlock(state: Float64Array, base: number, frame: FrameView, c: number): void {
      if (state[base + BLOCKS] === 0) state[base + ANCHOR] = frame.values[c]!;
      close(state, base, frame.values, c);
      const count = gather(state, base, 1);
      state[base + HELD] = look(state, base, count);
      const view = strongestView();
      state[base + REASON] = reasonOf(view);
      state[base + REASON_A] = ofLate(view);
      state[base + REASON_B] = before(state, base, view);
      learnDistances(state, base, 1);

      const written = state[base + BLOCKS]!;
      const index = written % blocks;
      writePacked(state, base + RINGS, index, full.mean - state[base + ANCHOR]!);
      writePacked(state, base + swingsAt, index, full.swing);
      state[base + USUAL_SWING]! +=
        Math.max(1 / USUAL_MEMORY, 1 / (written + 1)) * (full.swing - state[base + USUAL_SWING]!);
      state[base + LEAST] = full.least;
      state[base + MOST] = full.most;
      state[base + SPAN] = full.span;
      state[base + BLOCKS] = written + 1;
      state[base + LAST] = frame.values[c]!;
      state[base + FILLED] = 0;
      state[base + SUM] = 0;
      state[base + FRAMES] = framesOf(state, base, frame);
    }

    /**
     * What is strange just now counts as seen often, and the oldest day of the past becomes one like the latest block: else a
     * level that a person calls normal would be strange for as long as the longest window.
     */
    function vouch(state: Float64Array, base: number): void {
      const written = state[base + BLOCKS]!;
      if (written <= LEAST_PAST) return;
      full.least = state[base + LEAST]!;
      full.most = state[base + MOST]!;
      full.span = state[base + SPAN]!;
      look(state, base, gather(state, base, 0));
      learnDistances(state, base, VERDICT_WEIGHT);
      state[base + HELD] = 0;
      state[base + REASON] = 0;
      const rewritten = MEAN_WINDOWS[2] + neighbours;
      if (written < 2 * rewritten) return;
      const oldest = written < blocks ? 0 : written % blocks;
      for (let i = 0; i < rewritten; i++) {
        writePacked(state, base + RINGS, (oldest + i) % blocks, means[0]! - state[base + ANCHOR]!);
        writePacked(state, base + swingsAt, (oldest + i) % blocks, swings[0]!);
      }
    }

    function learnDistances(state: Float64Array, base: number, weight: number): void {
      TAIL.learnAll(state, base + tailsAt, distances, VIEWS, weight);
    }

    /**
     * The remembered blocks into `means`, `swings` and `logSwings`, the latest first.
     *
     * @param ahead 1: before them stands the block in `full`
     * @returns how many blocks there are
     */
    function gather(state: Float64Array, base: number, ahead: 0 | 1): number {
      const written = state[base + BLOCKS]!;
      const known = unpackNewestFirst(state, base + RINGS, blocks, written, state[base + ANCHOR]!, means, ahead);
      unpackNewestFirst(state, base + swingsAt, blocks, written, 0, swings, ahead);
      if (ahead === 1) {
        means[0] = full.mean;
        swings[0] = full.swing;
        full.least = written === 0 ? full.mean : Math.min(state[base + LEAST]!, full.mean);
        full.most = written === 0 ? full.mean : Math.max(state[base + MOST]!, full.mean);
        const isDue = written < YOUNG_BLOCKS || written % MEASURE_EVERY === 0;
        full.span = isDue ? innerRange(known + 1) : state[base + SPAN]!;
      }
      const count = known + ahead;
      const floor = USUAL_SHARE * state[base + USUAL_SWING]! + ABSOLUTE_FLOOR;
      for (let i = 0; i < count; i++) logSwings[i] = Math.log(swings[i]! + floor);
      return count;
    }

    function innerRange(count: number): number {
      const sorted = ordered.subarray(0, count);
      sorted.set(means.subarray(0, count));
      sorted.sort();
      const low = sorted[Math.floor(OUTER_SHARE * count)]!;
      const high = sorted[Math.min(count - 1, Math.floor((1 - OUTER_SHARE) * count))]!;
      return high - low;
    }

    /** Distances and rarities of all views; returns the fused rarity. */
    function look(state: Float64Array, base: number, count: number): number {
      const ever = full.most - full.least;
      const size = Math.max(Math.abs(full.most), Math.abs(full.least));
      const unit = (1 - EVER_SHARE) * full.span + EVER_SHARE * ever + RELATIVE_FLOOR * size + ABSOLUTE_FLOOR;
      let view = 0;
      for (const length of MEAN_WINDOWS) distances[view++] = nearestMean(means, count, length, neighbours) / unit;
      for (const length of SHAPE_WINDOWS) distances[view++] = nearestShape(means, count, length, neighbours) / unit;
      distances[SWING] = nearestMean(logSwings, count, 1, neighbours);
      distances[PAIR] = nearestPair(means, swings, count, PAIR_WINDOW, neighbours) / unit;
      for (view = 0; view < VIEWS; view++) {
        if (count < LEAST_PAST + LONGEST_WINDOW[view]! || distances[view] === Infinity) distances[view] = NaN;
      }
      TAIL.surpriseAll(state, base + tailsAt, distances, VIEWS, rarities, 0);
      let largest = 0;
      let sum = 0;
      for (view = 0; view < VIEWS; view++) {
        const isKnown = count >= LEAST_PAST + LONGEST_WINDOW[view]! + LEAST_DISTANCES;
        const rarity = isKnown ? Math.min(MOST_RARITY, rarities[view]!) : 0;
        rarities[view] = rarity;
        sum += rarity;
        if (rarity > largest) largest = rarity;
      }
      return 0.5 * largest + (0.5 * sum) / VIEWS;
    }

    /** The view with most to say, or -1. */
    function strongestView(): number {
      let strongest = -1;
      let largest = REASON_RARITY;
      for (let view = 0; view < VIEWS; view++) {
        if (rarities[view]! <= largest) continue;
        largest = rarities[view]!;
        strongest = view;
      }
      return strongest;
    }

    function ofLate(view: number): number {
      if (view === SWING || view === PAIR) return swings[0]!;
      const length = view < 0 ? 1 : LONGEST_WINDOW[view]!;
      let sum = 0;
      for (let i = 0; i < length; i++) sum += means[i]!;
      return sum / length;
    }

    function before(state: Float64Array, base: number, view: number): number {
      if (view === SWING || view === PAIR) return state[base + USUAL_SWING]!;
      const from = view < 0 ? 1 : LONGEST_WINDOW[view]!;
      const count = Math.min(state[base + BLOCKS]!, blocks);
      let sum = 0;
      for (let i = from; i <= count; i++) sum += means[i]!;
      return count >= from ? sum / (count - from + 1) : means[0]!;
    }

    /** The open block together with value `c`, into `full`. */
    function close(state: Float64Array, base: number, values: Float64Array, c: number): void {
      const value = values[c]!;
      full.mean = (state[base + SUM]! + value) / (state[base + FILLED]! + 1);
      full.swing = Math.max(highest(state, base, value), value) - Math.min(lowest(state, base, value), value);
    }
  },
});

function gatherValue(state: Float64Array, base: number, value: number): void {
  state[base + LOW] = Math.min(lowest(state, base, value), value);
  state[base + HIGH] = Math.max(highest(state, base, value), value);
  state[base + SUM]! += value;
  state[base + FILLED]!++;
}

/** A block's swing begins at the last value of the block before: else blocks of one frame had none. */
function lowest(state: Float64Array, base: number, value: number): number {
  if (state[base + FILLED]! > 0) return state[base + LOW]!;
  return state[base + BLOCKS]! > 0 ? state[base + LAST]! : value;
}

function highest(state: Float64Array, base: number, value: number): number {
  if (state[base + FILLED]! > 0) return state[base + HIGH]!;
  return state[base + BLOCKS]! > 0 ? state[base + LAST]! : value;
}

function reasonOf(view: number): number {
  if (view < 0) return 0;
  return view === SWING || view === PAIR ? ReasonCode.variability : ReasonCode.level;
}
