/**
 * A line of any length, in bounded memory, for a picture: the points are cut into stretches of equally many, and of each the
 * lowest and the highest are kept, so that no spike is ever lost. When there are too many stretches, neighbours are joined.
 */

/** Points of a thinned line, in order of time. */
export interface LinePoints {
  /** Unix ms, ascending. */
  readonly timeMs: Float64Array<ArrayBuffer>;
  readonly value: Float32Array<ArrayBuffer>;
  /** What goes with each value, a column each: no extremes of their own. */
  readonly companions: readonly Float32Array<ArrayBuffer>[];
}

export class ThinnedLine {
  readonly #capacity: number;
  readonly #timeMs: Float64Array;
  readonly #value: Float64Array;
  readonly #companions: readonly Float64Array[];
  /** Stretches that hold a point; stretch `k` has its lowest in slot `2k`, its highest in `2k + 1`. */
  #stretches = 0;
  #pointsEach = 1;
  /** Of the last stretch. */
  #points = 0;

  /**
   * @param stretches at least so many are kept once there are enough points, and fewer than twice as many
   * @param companions columns beside the value
   */
  constructor(stretches: number, companions: number) {
    this.#capacity = 2 * stretches;
    const slots = 2 * this.#capacity;
    this.#timeMs = new Float64Array(slots);
    this.#value = new Float64Array(slots);
    this.#companions = Array.from({ length: companions }, () => new Float64Array(slots));
  }

  /**
   * @param timeMs not before that of the point before
   * @param value NaN where there is none: kept alone if its stretch has no other
   * @param given what goes with it, from index `at` on in the column of each companion
   */
  add(timeMs: number, value: number, given: readonly ArrayLike<number>[], at: number): void {
    if (this.#stretches === 0 || this.#points === this.#pointsEach) this.#begin();
    const low = 2 * (this.#stretches - 1);
    if (this.#points === 0) {
      this.#put(low, timeMs, value, given, at);
      this.#copy(low, low + 1);
    } else {
      if (isFurther(-value, -this.#value[low]!)) this.#put(low, timeMs, value, given, at);
      if (isFurther(value, this.#value[low + 1]!)) this.#put(low + 1, timeMs, value, given, at);
    }
    this.#points++;
  }

  points(): LinePoints {
    const kept: number[] = [];
    for (let low = 0; low < 2 * this.#stretches; low += 2) {
      const [lowMs, highMs] = [this.#timeMs[low]!, this.#timeMs[low + 1]!];
      if (lowMs === highMs) kept.push(low);
      else kept.push(...(lowMs < highMs ? [low, low + 1] : [low + 1, low]));
    }
    return {
      timeMs: Float64Array.from(kept, (slot) => this.#timeMs[slot]!),
      value: Float32Array.from(kept, (slot) => this.#value[slot]!),
      companions: this.#companions.map((column) => Float32Array.from(kept, (slot) => column[slot]!)),
    };
  }

  #begin(): void {
    if (this.#stretches === this.#capacity) this.#halve();
    this.#stretches++;
    this.#points = 0;
  }

  /** Joins neighbours. The capacity is even, so all are full and none is left over. */
  #halve(): void {
    for (let k = 0; k < this.#capacity / 2; k++) {
      const [first, second] = [4 * k, 4 * k + 2];
      const isLower = isFurther(-this.#value[second]!, -this.#value[first]!);
      const isHigher = isFurther(this.#value[second + 1]!, this.#value[first + 1]!);
      this.#copy(isLower ? second : first, 2 * k);
      this.#copy((isHigher ? second : first) + 1, 2 * k + 1);
    }
    this.#stretches = this.#capacity / 2;
    this.#pointsEach *= 2;
  }

  #put(slot: number, timeMs: number, value: number, given: readonly ArrayLike<number>[], at: number): void {
    this.#timeMs[slot] = timeMs;
    this.#value[slot] = value;
    for (let c = 0; c < this.#companions.length; c++) this.#companions[c]![slot] = given[c]![at]!;
  }

  #copy(from: number, to: number): void {
    this.#timeMs[to] = this.#timeMs[from]!;
    this.#value[to] = this.#value[from]!;
    for (const column of this.#companions) column[to] = column[from]!;
  }
}

/** Any value is further out than none. */
const isFurther = (value: number, than: number): boolean =>
  value > than || (Number.isNaN(than) && !Number.isNaN(value));
