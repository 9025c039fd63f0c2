/**
 * How rare a strangeness is: a streaming histogram that turns raw strangeness into a tail probability.
 *
 * Bins are evenly spaced in the logarithm, so a few of them span all that occurs. Later values weigh more: the j-th value
 * has weight j until `horizon / 2` values are in, then weights grow by the factor 1 + 2/horizon; so what was learned from a
 * cold start fades first. Beyond what was seen, the tail above the highest 5 % is continued: exponential in
 * 2(√(1+x) − 1) (`concave`, for raw strangeness: between a Gaussian's and a power law's tail), in ln x (`power`, for
 * distances: the tail of a power law) or in x itself.
 *
 * State    `length` numbers: mass of all bins, weight of the next value, the bins
 * Cost     `learn` O(1), `surprise` O(bins)
 * Source   peaks over threshold: Pickands (1975), Annals of Statistics 3(1), 119–131; Siffer et al. (2017), KDD, 1067–1075;
 *          exponent of a power law: Hill (1975), Annals of Statistics 3(5), 1163–1174
 */

export interface TailShape {
  readonly bins: number;
  /** Bins a factor e. */
  readonly binsPerEFold: number;
  /** Upper edge of the lowest bin; below it all strangeness counts as alike. */
  readonly lowest: number;
  /** Values after which old ones have lost e⁻² of their weight. */
  readonly horizon: number;
  readonly isConcave: boolean;
  /** The tail is a power law's; then `isConcave` must be false. Default: false. */
  readonly isPower?: boolean;
  /** Mean excess that is assumed before there is evidence, in units of the tail's own scale. */
  readonly priorExcess: number;
}

/** The tail is fitted to this share of the values. */
const TAIL_SHARE = 0.05;
/** The assumed excess weighs as much as this many values. */
const PRIOR_COUNT = 3;
/** Values beyond `x` at which the histogram and the fitted tail count alike. */
const TRUSTED_COUNT = 3;
/** Below this many values (in weights of the next) nothing is rare. */
const LEAST_COUNT = 1;
const LARGEST_WEIGHT = 1e9;
/** −log10 p never exceeds this. */
export const MAX_SURPRISE = 300;

/** For one value: numbers pass in arrays, for a number passed by itself is an object on the heap, and frames ask for dozens. */
const given = new Float64Array(1);
const answer = new Float64Array(1);

const TOTAL = 0;
const WEIGHT = 1;
const BINS = 2;

export class TailHistogram {
  readonly length: number;
  readonly #shape: TailShape;
  readonly #logLowest: number;
  /** Tail coordinate of each bin's lower edge and centre. */
  readonly #edges: Float64Array;
  readonly #centres: Float64Array;

  constructor(shape: TailShape) {
    this.#shape = shape;
    this.length = BINS + shape.bins;
    this.#logLowest = Math.log(shape.lowest);
    this.#edges = new Float64Array(shape.bins + 1);
    this.#centres = new Float64Array(shape.bins);
    for (let bin = 1; bin <= shape.bins; bin++) {
      this.#edges[bin] = this.#coordinate(shape.lowest * Math.exp((bin - 1) / shape.binsPerEFold));
      if (bin < shape.bins)
        this.#centres[bin] = this.#coordinate(shape.lowest * Math.exp((bin - 0.5) / shape.binsPerEFold));
    }
  }

  init(state: Float64Array, at: number): void {
    state.fill(0, at, at + this.length);
    state[at + WEIGHT] = 1;
  }

  /** @param weight 1 for an ordinary value, less for one that should count less, more for one that a person vouches for. */
  learn(state: Float64Array, at: number, strangeness: number, weight: number): void {
    given[0] = strangeness;
    this.learnAll(state, at, given, 1, weight);
  }

  /** As `learn`, for `count` tails one after the other from `at` on, each with its own value. */
  learnAll(state: Float64Array, at: number, strangeness: Float64Array, count: number, weight: number): void {
    if (!(weight > 0)) return;
    for (let i = 0; i < count; i++) {
      if (strangeness[i]! >= 0) this.#learn(state, at + i * this.length, strangeness, i, weight);
    }
  }

  #learn(state: Float64Array, at: number, values: Float64Array, index: number, weight: number): void {
    const unit = state[at + WEIGHT]!;
    const mass = unit * weight;
    state[at + BINS + this.#bin(values[index]!)]! += mass;
    state[at + TOTAL]! += mass;
    const { horizon } = this.#shape;
    const next = unit < horizon / 2 ? unit + weight : unit * (1 + (2 * weight) / horizon);
    state[at + WEIGHT] = next;
    if (next > LARGEST_WEIGHT) this.#rescale(state, at);
  }

  /**
   * −log10 of the share of values at least as strange as this one. 0 while there are too few values, and for strangeness
   * that is 0 or NaN.
   */
  surprise(state: Float64Array, at: number, strangeness: number): number {
    given[0] = strangeness;
    this.surpriseAll(state, at, given, 1, answer, 0);
    return answer[0]!;
  }

  /** As `surprise`, for `count` tails one after the other from `at` on, each with its own value, into `out`. */
  surpriseAll(
    state: Float64Array,
    at: number,
    strangeness: Float64Array,
    count: number,
    out: Float64Array,
    outAt: number,
  ): void {
    for (let i = 0; i < count; i++) this.#surprise(state, at + i * this.length, strangeness, i, out, outAt + i);
  }

  #surprise(
    state: Float64Array,
    at: number,
    values: Float64Array,
    index: number,
    out: Float64Array,
    outIndex: number,
  ): void {
    out[outIndex] = 0;
    const strangeness = values[index]!;
    const total = state[at + TOTAL]!;
    const unit = state[at + WEIGHT]!;
    if (!(strangeness > 0) || total < LEAST_COUNT * unit) return;
    const { bins, binsPerEFold } = this.#shape;
    const position = Math.max(0, 1 + (Math.log(strangeness) - this.#logLowest) * binsPerEFold);
    const bin = Math.min(bins - 1, Math.floor(position));
    const first = at + BINS;
    // The highest bin has no upper edge: all in it counts as at least as strange.
    let above = state[first + bin]! * (bin === bins - 1 ? 1 : 1 - (position - bin));
    for (let i = first + bins - 1; i > first + bin; i--) above += state[i]!;
    const seen = (above + 0.5 * unit) / (total + unit);
    if (above > TAIL_SHARE * total) {
      out[outIndex] = -Math.log10(seen);
      return;
    }

    let start = bins;
    let mass = 0;
    let excess = 0;
    while (start > 1 && mass + state[first + start - 1]! <= TAIL_SHARE * total) mass += state[first + --start]!;
    const edge = this.#edges[start]!;
    for (let i = start; i < bins - 1; i++) excess += state[first + i]! * (this.#centres[i]! - edge);
    if (start < bins) excess += state[first + bins - 1]! * (this.#edges[bins - 1]! - edge);
    const meanExcess = (excess + PRIOR_COUNT * unit * this.#shape.priorExcess) / (mass + PRIOR_COUNT * unit);
    // Beyond the highest edge all is alike, in the histogram and here: else what was learned there would never count.
    const beyond = Math.max(0, Math.min(this.#coordinate(strangeness), this.#edges[bins]!) - edge);
    const fitted = beyond / meanExcess - Math.log((mass + 0.5 * unit) / (total + unit));
    const count = above / unit;
    const trust = count / (count + TRUSTED_COUNT);
    out[outIndex] = Math.min(MAX_SURPRISE, ((1 - trust) * fitted - trust * Math.log(seen)) / Math.LN10);
  }

  #bin(strangeness: number): number {
    if (strangeness <= this.#shape.lowest) return 0;
    const position = 1 + (Math.log(strangeness) - this.#logLowest) * this.#shape.binsPerEFold;
    return Math.min(this.#shape.bins - 1, Math.floor(position));
  }

  #coordinate(strangeness: number): number {
    if (this.#shape.isPower === true) return Math.log(strangeness);
    return this.#shape.isConcave ? 2 * (Math.sqrt(1 + strangeness) - 1) : strangeness;
  }

  #rescale(state: Float64Array, at: number): void {
    const factor = this.#shape.horizon / 2 / state[at + WEIGHT]!;
    for (let i = at; i < at + this.length; i++) state[i]! *= factor;
  }
}
