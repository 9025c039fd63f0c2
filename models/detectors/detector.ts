/**
 * What a detector is: a definition with a settings schema, from which comes a *kernel* for a number of channels. A kernel
 * has no memory of its own. All that a device has taught it lies in a slice of that device's one Float64Array, so a
 * snapshot is a copy of memory and a kernel serves every device of a profile.
 */
import type { Static, TObject } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { SettingInvalidError } from '../errors.js';

/** One step of a device, as detectors see it. The object and its arrays are used again for the next frame: never keep them. */
export interface FrameView {
  /**
   * One a channel, in the channel's unit; NaN: no value, or none that was measured (`measure`). The array may be longer than
   * there are channels.
   */
  values: Float64Array;
  /** 1 where the value was not measured at this time but stands in for one. */
  imputed: Uint8Array;
  /** Unix ms, event time; NaN for a series without times. */
  timeMs: number;
  /** Usual interval between frames in ms; 0 when unknown or irregular. */
  stepMs: number;
  /** Steps missing between the frame before and this one. */
  gapSteps: number;
}

/** What a kernel says about a frame. All arrays have one entry a channel and hold NaN (codes: 0) before `score`. */
export interface Evidence {
  /**
   * How strange, >= 0, higher is stranger; NaN: cannot say. About 1 for an ordinary frame. A detector of scope `frame`
   * writes entry 0 alone.
   */
  readonly strangeness: Float64Array;
  /** Scope `frame`: shares of the channels, >= 0, not normalised. */
  readonly attribution: Float64Array;
  /** Expected value and usual band in the channel's unit, for detectors that have one. */
  readonly expected: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  /** A `ReasonCode` with its two numbers, for words. */
  readonly reason: Uint8Array;
  readonly reasonA: Float64Array;
  readonly reasonB: Float64Array;
}

export interface DetectorKernel {
  /** State is `sharedLength` numbers, then `channelLength` numbers a channel. */
  readonly sharedLength: number;
  readonly channelLength: number;
  /** False: the shared part holds for exactly this set of channels, and starts anew when a channel comes or goes. */
  readonly keepsSharedPart: boolean;
  /** Writes a newborn's state. The slice is all 0 before. */
  init(state: Float64Array, at: number): void;
  /** Looks at a frame before it is learned. Changes no state. */
  score(state: Float64Array, at: number, frame: FrameView, out: Evidence): void;
  /**
   * Takes a frame in. `weight` 1: an ordinary frame; below 1: doubtful, counts less; 0: only bookkeeping (times and run
   * lengths) moves; above 1: a new state of affairs that must be learned faster; `TEACH`: this frame is normal, at once.
   */
  learn(state: Float64Array, at: number, frame: FrameView, weight: number): void;
}

/** Weight of a frame that a person calls normal. */
export const TEACH = 1e6;

/** Strangeness is cut here, so that arithmetic on it stays finite. */
export const MAX_STRANGENESS = 1e12;

/** Values are cut here, so that their differences and squares stay finite. */
const MAX_VALUE = 1e150;

/** Writes what detectors are to see of a channel: its value, cut to a size to calculate with; NaN unless it was measured. */
export function measure(values: Float64Array, imputed: Uint8Array, channel: number, out: Float64Array): void {
  const value = values[channel]!;
  out[channel] = imputed[channel] === 1 ? NaN : value > MAX_VALUE ? MAX_VALUE : value < -MAX_VALUE ? -MAX_VALUE : value;
}

export function stateLength(kernel: DetectorKernel, channels: number): number {
  return kernel.sharedLength + kernel.channelLength * channels;
}

export function createEvidence(channels: number): Evidence {
  const column = () => new Float64Array(channels).fill(NaN);
  return {
    strangeness: column(),
    attribution: column(),
    expected: column(),
    lower: column(),
    upper: column(),
    reason: new Uint8Array(channels),
    reasonA: column(),
    reasonB: column(),
  };
}

export function clearEvidence(evidence: Evidence): void {
  evidence.strangeness.fill(NaN);
  evidence.attribution.fill(NaN);
  evidence.expected.fill(NaN);
  evidence.lower.fill(NaN);
  evidence.upper.fill(NaN);
  evidence.reason.fill(0);
}

/**
 * Fits a state to another set of channels and keeps what was learned of those that stay.
 *
 * @param source for each new channel its index among the old ones, or -1 for one that is new
 */
export function resizeState(
  kernel: DetectorKernel,
  from: Float64Array,
  fromAt: number,
  to: Float64Array,
  toAt: number,
  source: readonly number[],
): void {
  const { sharedLength, channelLength } = kernel;
  to.fill(0, toAt, toAt + stateLength(kernel, source.length));
  kernel.init(to, toAt);
  if (kernel.keepsSharedPart) to.set(from.subarray(fromAt, fromAt + sharedLength), toAt);
  for (let c = 0; c < source.length; c++) {
    const old = source[c]!;
    if (old < 0) continue;
    const start = fromAt + sharedLength + old * channelLength;
    to.set(from.subarray(start, start + channelLength), toAt + sharedLength + c * channelLength);
  }
}

/** `channel`: one strangeness a channel. `frame`: one for all of them, with attribution. */
export type DetectorScope = 'channel' | 'frame';

export type StrangenessScale = 'plain' | 'level' | 'rarity';

/** Shares of a levelled detector in the three things that are asked of all together; 0: it is not asked. */
export interface VoteWeights {
  /** How strange the frame is. */
  readonly strength: number;
  /** Whether something begins. */
  readonly onset: number;
  /** Whether it lasts. */
  readonly lasting: number;
}

export const EVEN_VOTE: VoteWeights = { strength: 1, onset: 1, lasting: 0 };

/** A detector as the catalogue holds it, its settings' type forgotten. */
export interface AnyDetector {
  /** kebab-case; the name in profiles. */
  readonly name: string;
  /** One sentence for people. */
  readonly summary: string;
  readonly scope: DetectorScope;
  /**
   * What the numbers of strangeness mean. `plain` (default): about 1 for an ordinary frame, and the ensemble learns what is rare.
   * `level`: 1 is what 98 % of the device's ordinary frames stay below, and the detector itself doubts strange frames. `rarity`:
   * −log10 of a tail probability.
   */
  readonly scale?: StrangenessScale;
  /** Of the scale `level`: what it counts for where all of them are heard together. Default: `EVEN_VOTE`. */
  readonly vote?: VoteWeights;
  /** What it says cannot be otherwise (no value, always the same one): it needs no other to confirm it. Default: no. */
  readonly isPlainFact?: boolean;
  /** The standard ensemble has it for devices of so many channels at most, for what it costs. Default: for all. */
  readonly mostChannels?: number;
  /** Every field has a default, a range and a description. */
  readonly settings: TObject;
  /**
   * A kernel for `channels` channels.
   *
   * @param settings as people write them: what is left out has its default
   * @throws SettingInvalidError naming every setting that is wrong
   */
  kernel(channels: number, settings?: Readonly<Record<string, unknown>>): DetectorKernel;
}

export interface Detector<S extends TObject> extends AnyDetector {
  readonly settings: S;
  /** One detector alone, with a state of its own: for documentation, tests and trying things out. */
  create(options: { readonly channels: number } & Partial<Static<S>>): RunningDetector;
}

export interface DetectorDefinition<S extends TObject> {
  readonly name: string;
  readonly summary: string;
  readonly scope: DetectorScope;
  readonly scale?: StrangenessScale;
  readonly vote?: VoteWeights;
  readonly isPlainFact?: boolean;
  readonly mostChannels?: number;
  readonly settings: S;
  createKernel(channels: number, settings: Static<S>): DetectorKernel;
}

export function defineDetector<S extends TObject>(definition: DetectorDefinition<S>): Detector<S> {
  const kernel = (channels: number, settings: Readonly<Record<string, unknown>> = {}): DetectorKernel => {
    const complete: unknown = Value.Default(definition.settings, { ...settings });
    const problems = [...Value.Errors(definition.settings, complete)].map(
      (error) =>
        `${definition.name}${error.path.replaceAll('/', '.')}: ${error.message.toLowerCase()}, got ${JSON.stringify(error.value)}`,
    );
    if (!Number.isInteger(channels) || channels < 1) problems.push(`channels must be an integer >= 1, got ${channels}`);
    if (problems.length > 0) throw new SettingInvalidError(problems);
    return definition.createKernel(channels, complete as Static<S>);
  };
  return {
    ...definition,
    kernel,
    create: ({ channels, ...settings }) => new RunningDetector(kernel(channels, settings), definition.scope, channels),
  };
}

/** What may be said of a frame besides its values; all may be left out. */
export type FrameFacts = Partial<Pick<FrameView, 'timeMs' | 'stepMs' | 'gapSteps'>> & {
  readonly imputed?: ArrayLike<number>;
};

/** A kernel with a state of its own. */
export class RunningDetector {
  readonly evidence: Evidence;
  readonly state: Float64Array;
  readonly #kernel: DetectorKernel;
  readonly #scope: DetectorScope;
  readonly #frame: FrameView;

  constructor(kernel: DetectorKernel, scope: DetectorScope, channels: number) {
    this.#kernel = kernel;
    this.#scope = scope;
    this.evidence = createEvidence(channels);
    this.state = new Float64Array(stateLength(kernel, channels));
    this.#frame = {
      values: new Float64Array(channels),
      imputed: new Uint8Array(channels),
      timeMs: NaN,
      stepMs: 0,
      gapSteps: 0,
    };
    kernel.init(this.state, 0);
  }

  /** Raw strangeness, one a channel (scope `frame`: one in all). More is in `evidence` until the next call. */
  score(values: ArrayLike<number>, facts: FrameFacts = {}): number[] {
    this.#load(values, facts);
    clearEvidence(this.evidence);
    this.#kernel.score(this.state, 0, this.#frame, this.evidence);
    return [...(this.#scope === 'frame' ? this.evidence.strangeness.subarray(0, 1) : this.evidence.strangeness)];
  }

  learn(values: ArrayLike<number>, facts: FrameFacts = {}, weight = 1): void {
    this.#load(values, facts);
    this.#kernel.learn(this.state, 0, this.#frame, weight);
  }

  #load(values: ArrayLike<number>, facts: FrameFacts): void {
    const frame = this.#frame;
    for (let c = 0; c < frame.values.length; c++) {
      frame.values[c] = values[c] ?? NaN;
      frame.imputed[c] = facts.imputed?.[c] ?? 0;
      measure(frame.values, frame.imputed, c, frame.values);
    }
    frame.timeMs = facts.timeMs ?? NaN;
    frame.stepMs = facts.stepMs ?? 0;
    frame.gapSteps = facts.gapSteps ?? 0;
  }
}
