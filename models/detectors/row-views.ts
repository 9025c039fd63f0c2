/**
 * Ways to look at a frame. Each turns the C values of a frame into C others that show a kind of fault which the values
 * themselves hide: a small shift that lasts, a jump from the frames just before, an unrest. A view does the whole row in one
 * call: a number that a function returns by itself is an object on the heap.
 */

/** Numbers that a view keeps of a channel. */
export const VIEW_LENGTH = 4;

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

/** Memory of the level, in frames. */
const LEVEL_MEMORY = 16;

/** Their mean of late, with this frame: noise is averaged out of it, and a small shift that lasts stands out. */
export const levelView: RowView = {
  look(state, at, stride, values, channels, out) {
    for (let c = 0, base = at; c < channels; c++, base += stride) {
      const gain = 1 / Math.min(state[base + COUNT]! + 1, LEVEL_MEMORY);
      out[c] = state[base + MEAN]! + gain * (values[c]! - state[base + MEAN]!);
    }
  },
  learn(state, at, stride, values, channels) {
    learnMeans(state, at, stride, values, channels, LEVEL_MEMORY);
  },
  settle: settleMeans,
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
    learnMeans(state, at, stride, values, channels, DEPARTURE_MEMORY);
  },
  settle: settleMeans,
};

/** Memories of the steps of late and of long, in frames. */
const LATE_MEMORY = 16;
const LONG_MEMORY = 5_000;
/** Share of the long mean that is added: for channels that rest by turns, the logarithm needs a floor that they have set. */
const LONG_SHARE = 0.1;
/** For channels that never moved, in the channel's unit. */
const ABSOLUTE_FLOOR = 1e-9;

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

function learnMeans(
  state: Float64Array,
  at: number,
  stride: number,
  values: Float64Array,
  channels: number,
  memory: number,
): void {
  for (let c = 0, base = at; c < channels; c++, base += stride) {
    const value = values[c]!;
    if (Number.isNaN(value)) continue;
    const count = Math.min(state[base + COUNT]! + 1, memory);
    state[base + COUNT] = count;
    state[base + MEAN]! += (value - state[base + MEAN]!) / count;
  }
}

function settleMeans(state: Float64Array, at: number, stride: number, values: Float64Array, channels: number): void {
  for (let c = 0, base = at; c < channels; c++, base += stride) {
    if (!Number.isNaN(values[c]!)) state[base + MEAN] = values[c]!;
  }
}
