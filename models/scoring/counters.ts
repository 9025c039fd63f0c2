import { measure, type FrameView } from '../detectors/detector.js';

/**
 * Counters: channels that rise and rise, and now and then fall far: a meter that starts anew each day, 16 bits that are full.
 * Their values say nothing, for each is new; what they rise by in a step does. Such a channel is known by two resets, with a
 * hundred rises and no small fall since the first sign of it. From then on the detectors see its rises.
 *
 * State    `COUNTER_LENGTH` numbers a channel
 */

export const COUNTER_LENGTH = 6;
const KIND = 0;
const RISES = 1;
const MEAN_RISE = 2;
const RESETS = 3;
const RISE = 4;
const STEPS = 5;

const UNDECIDED = 0;
const COUNTER = 1;
/** Was taken for a counter and then fell a little: once is enough, or the detectors would start anew for ever. */
const NEVER = -1;

const LEAST_RISES = 100;
const LEAST_RESETS = 2;
/** A fall is a reset when it is as far as this many usual rises. */
const RESET_RISES = 8;
/** Memory of the mean rise, in rises. */
const RISE_HORIZON = 1_000;

/** A frame as detectors see it: of counters what they rise by, of other channels the value. Used again for the next frame. */
export class CounterLens {
  readonly view: FrameView;
  readonly #valuesAt: number;
  readonly #countersAt: number;
  /** What must be added to a rise, or to a value, for the value. */
  readonly #base: Float64Array;

  /**
   * @param valuesAt where the state has the latest value of each channel, NaN: none
   * @param countersAt where it has `COUNTER_LENGTH` numbers a channel
   */
  constructor(channels: number, valuesAt: number, countersAt: number) {
    this.view = {
      values: new Float64Array(channels),
      imputed: new Uint8Array(channels),
      timeMs: NaN,
      stepMs: 0,
      gapSteps: 0,
    };
    this.#valuesAt = valuesAt;
    this.#countersAt = countersAt;
    this.#base = new Float64Array(channels);
  }

  /** Where channel `c` has its numbers. */
  at(c: number): number {
    return this.#countersAt + c * COUNTER_LENGTH;
  }

  isCounter(state: Float64Array, c: number): boolean {
    return state[this.at(c)] === COUNTER;
  }

  /**
   * Sets `view`, and takes the frame's values in when they were measured.
   *
   * @returns the channels, as sources for `Ensemble.adopt`, when one of them (now -1) is seen otherwise from here on
   */
  look(state: Float64Array, frame: FrameView, isMeasured: boolean): number[] | undefined {
    const { view } = this;
    const { values } = view;
    view.timeMs = frame.timeMs;
    view.stepMs = frame.stepMs;
    view.gapSteps = frame.gapSteps;
    let changed: number[] | undefined;
    for (let c = 0; c < values.length; c++) {
      const at = this.at(c);
      const last = this.#valuesAt + c;
      measure(frame.values, frame.imputed, c, values);
      view.imputed[c] = frame.imputed[c]!;
      this.#base[c] = 0;
      // A step that was filled is one over which the next rise is spread.
      if (!isMeasured) state[at + STEPS]! += 1 + frame.gapSteps;
      else if (follow(state, at, values, c, last, frame.gapSteps)) {
        changed ??= Array.from({ length: values.length }, (_, i) => i);
        changed[c] = -1;
      }
      const isKnown = !Number.isNaN(values[c]!);
      if (state[at] === COUNTER) {
        const rise = isKnown && isMeasured ? state[at + RISE]! : NaN;
        this.#base[c] = Number.isNaN(rise) ? state[last]! : values[c]! - rise;
        if (isKnown && isMeasured) state[last] = values[c]!;
        values[c] = rise;
      } else if (isKnown && isMeasured) state[last] = values[c]!;
    }
    return changed;
  }

  /** What the detectors saw of the channel's latest value. */
  latest(state: Float64Array, c: number): number {
    return this.isCounter(state, c) ? state[this.at(c) + RISE]! : state[this.#valuesAt + c]!;
  }

  /** Turns what detectors say of rises into what that is in values. */
  translate(expected: Float64Array): void {
    for (let c = 0; c < this.#base.length; c++) expected[c]! += this.#base[c]!;
  }
}

/** Takes a channel's value in; NaN: none. Returns whether the channel is seen otherwise from here on. */
function follow(
  state: Float64Array,
  at: number,
  values: Float64Array,
  c: number,
  last: number,
  gapSteps: number,
): boolean {
  state[at + STEPS]! += 1 + gapSteps;
  const change = values[c]! - state[last]!;
  if (Number.isNaN(change)) return false;
  const rise = change / state[at + STEPS]!;
  state[at + STEPS] = 0;
  // What it counted before a reset is lost, and so is this rise.
  state[at + RISE] = change < 0 ? NaN : rise;
  if (change === 0 || state[at + KIND] === NEVER) return false;
  if (change > 0) {
    state[at + RISES] = Math.min(state[at + RISES]! + 1, RISE_HORIZON);
    state[at + MEAN_RISE]! += (rise - state[at + MEAN_RISE]!) / state[at + RISES]!;
    return false;
  }
  if (-change < RESET_RISES * state[at + MEAN_RISE]! || state[at + RISES] === 0) {
    const wasCounter = state[at + KIND] === COUNTER;
    state[at + KIND] = wasCounter ? NEVER : UNDECIDED;
    state[at + RISES] = 0;
    state[at + MEAN_RISE] = 0;
    state[at + RESETS] = 0;
    return wasCounter;
  }
  state[at + RESETS] = Math.min(state[at + RESETS]! + 1, LEAST_RESETS);
  if (state[at + KIND] === COUNTER || state[at + RESETS]! < LEAST_RESETS || state[at + RISES]! < LEAST_RISES)
    return false;
  state[at + KIND] = COUNTER;
  return true;
}
