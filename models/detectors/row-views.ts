/**
 * Ways to look at a frame. Each turns the C values of a frame into C others that show a kind of fault which the values
 * themselves hide: a small shift that lasts, a jump from the frames just before, an unrest. A view does the whole row in one
 * call: a number that a function returns by itself is an object on the heap.
 */

/** Numbers that a view keeps of a channel. */
export const VIEW_LENGTH = 5;

/** `at` is where the first channel's numbers lie in `state`; those of each other channel lie `stride` further. */
export interface RowView {
  /** Writes what the view makes of each channel's value, which is not learned yet; NaN where there is none. */
  look(
    state: Float64Array,
    at: number,
    stride: number,
    values: Float64Array,
    channels: number,
    out: Float64Array,
  ): void;
  /** Takes the values in. What happened of late is a fact, whether or not it may become normal: there are no weights here. */
  learn(state: Float64Array, at: number, stride: number, values: Float64Array, channels: number): void;
  /** Forgets the frames before, for a person says that all is well as it is now. */
  settle(state: Float64Array, at: number, stride: number, values: Float64Array, channels: number): void;
}

/** For channels that never moved, in the channel's unit. */
const ABSOLUTE_FLOOR = 1e-9;

const COUNT = 0;
const MEAN = 1;
/** For movement: mean step of late, mean step of long, the last value. */
const LATE = 1;
const LONG = 2;
const LAST = 3;

/** The values as they are. */
export const valueView: RowView = {
  look(_state, _at, _stride, values, channels, out) {
    for (let c = 0; c < channels; c++) out[c] = values[c]!;
  },
  learn: () => undefined,
  settle: () => undefined,
};

/** For the level: the last two values, and the mean size of steps. */
const LATEST = 2;
const BEFORE = 3;
const STEP = 4;
/** Memory of the level, and of the size of steps, in frames. */
const LEVEL_MEMORY = 16;
const STEP_MEMORY = 64;
/** A value that stands out by so many usual steps, and is gone with the next one, is taken out of the level again. */
const WILD_STEPS = 16;
/** Frames in which every step counts whole. */
const FIRST_STEPS = 8;

/**
 * Their mean of late, with this frame: noise is averaged out of it, and a small shift that lasts stands out. A single wild value
 * does not last, and is in it for one frame only.
 */
export const levelView: RowView = {
  look(state, at, stride, values, channels, out) {
    for (let c = 0, base = at; c < channels; c++, base += stride) {
      const count = state[base + COUNT]!;
      const latest = state[base + LATEST]!;
      const median = medianOfThree(state[base + BEFORE]!, latest, values[c]!);
      const wild = isWild(state, base, latest, median) ? latest - median : 0;
      const mean = state[base + MEAN]! - wild / Math.max(1, count);
      out[c] = mean + (values[c]! - mean) / Math.min(count + 1, LEVEL_MEMORY);
    }
  },
  learn(state, at, stride, values, channels) {
    for (let c = 0, base = at; c < channels; c++, base += stride) {
      const value = values[c]!;
      if (Number.isNaN(value)) continue;
      const count = state[base + COUNT]!;
      let latest = count > 0 ? state[base + LATEST]! : value;
      const median = medianOfThree(state[base + BEFORE]!, latest, value);
      if (isWild(state, base, latest, median)) {
        state[base + MEAN]! -= (latest - median) / count;
        latest = median;
      }
      const usual = state[base + STEP]!;
      const step = Math.abs(value - latest);
      const taken = count < FIRST_STEPS ? step : Math.min(step, WILD_STEPS * usual + ABSOLUTE_FLOOR);
      const next = Math.min(count + 1, LEVEL_MEMORY);
      state[base + STEP] = usual + (taken - usual) / (count < LEVEL_MEMORY ? next : STEP_MEMORY);
      state[base + MEAN]! += (value - state[base + MEAN]!) / next;
      state[base + BEFORE] = latest;
      state[base + LATEST] = value;
      state[base + COUNT] = next;
    }
  },
  settle(state, at, stride, values, channels) {
    settleMeans(state, at, stride, values, channels);
    for (let c = 0, base = at; c < channels; c++, base += stride) {
      if (Number.isNaN(values[c]!)) continue;
      state[base + LATEST] = values[c]!;
      state[base + BEFORE] = values[c]!;
    }
  },
};

/** Memory of the mean that a departure is measured from, in frames. */
const DEPARTURE_MEMORY = 8;

/** How far they depart from the mean of the frames just before: jumps, wherever the device slowly drifts. */
export const departureView: RowView = {
  look(state, at, stride, values, channels, out) {
    for (let c = 0, base = at; c < channels; c++, base += stride) {
      const before = state[base + COUNT]! > 0 ? state[base + MEAN]! : values[c]!;
      out[c] = values[c]! - before;
    }
  },
  learn(state, at, stride, values, channels) {
    for (let c = 0, base = at; c < channels; c++, base += stride) {
      const value = values[c]!;
      if (Number.isNaN(value)) continue;
      const count = Math.min(state[base + COUNT]! + 1, DEPARTURE_MEMORY);
      state[base + COUNT] = count;
      state[base + MEAN]! += (value - state[base + MEAN]!) / count;
    }
  },
  settle: settleMeans,
};

/** Memories of the steps of late and of long, in frames. */
const LATE_MEMORY = 16;
const LONG_MEMORY = 5_000;
/** Share of the long mean that is added: for channels that rest by turns, the logarithm needs a floor that they have set. */
const LONG_SHARE = 0.1;

/** The logarithm of their mean step of late: unrest, and rest where there never was any. */
export const movementView: RowView = {
  look(state, at, stride, values, channels, out) {
    for (let c = 0, base = at; c < channels; c++, base += stride) {
      const count = state[base + COUNT]!;
      const step = count > 0 ? Math.abs(values[c]! - state[base + LAST]!) : 0 * values[c]!;
      const late = state[base + LATE]! + (step - state[base + LATE]!) / Math.min(Math.max(count, 1), LATE_MEMORY);
      const long = state[base + LONG]! + (step - state[base + LONG]!) / Math.min(Math.max(count, 1), LONG_MEMORY);
      out[c] = Math.log(late + LONG_SHARE * long + ABSOLUTE_FLOOR);
    }
  },
  learn(state, at, stride, values, channels) {
    for (let c = 0, base = at; c < channels; c++, base += stride) {
      const value = values[c]!;
      if (Number.isNaN(value)) continue;
      const count = state[base + COUNT]!;
      const step = count > 0 ? Math.abs(value - state[base + LAST]!) : 0;
      state[base + LATE]! += (step - state[base + LATE]!) / Math.min(Math.max(count, 1), LATE_MEMORY);
      state[base + LONG]! += (step - state[base + LONG]!) / Math.min(Math.max(count, 1), LONG_MEMORY);
      state[base + LAST] = value;
      state[base + COUNT] = Math.min(count + 1, LONG_MEMORY);
    }
  },
  settle: () => undefined,
};

function settleMeans(state: Float64Array, at: number, stride: number, values: Float64Array, channels: number): void {
  for (let c = 0, base = at; c < channels; c++, base += stride) {
    if (!Number.isNaN(values[c]!)) state[base + MEAN] = values[c]!;
  }
}

// A number that a function returns by itself is an object on the heap, unless the function is small enough to become part of its caller.
function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

function isWild(state: Float64Array, base: number, latest: number, median: number): boolean {
  return state[base + COUNT]! >= 3 && Math.abs(latest - median) > WILD_STEPS * state[base + STEP]!;
}
