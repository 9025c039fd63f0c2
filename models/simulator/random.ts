/**
 * Random numbers from a seed, the same on every machine and in every run.
 *
 * Generator  xoshiro128** 1.1, period 2^128 − 1
 * Seeding    MurmurHash3's finaliser over the seed and the stream's name
 * Source     Blackman & Vigna (2021), ACM TOMS 47(4); public-domain reference code at prng.di.unimi.it
 *
 * Not for secrets.
 */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  #spare: number | undefined;

  /**
   * @param seed any finite number; its whole 53 bits count.
   * @param stream names one of many independent sequences of a seed, so that a change of one leaves the others as they were.
   */
  constructor(seed: number, stream = '') {
    let hash = mix(Math.trunc(seed % 4_294_967_296) ^ mix(Math.floor(Math.abs(seed) / 4_294_967_296)));
    for (let i = 0; i < stream.length; i++) hash = mix((hash + 0x9e3779b9) ^ stream.charCodeAt(i));
    const next = (): number => (hash = mix((hash + 0x9e3779b9) | 0));
    this.#a = next();
    this.#b = next();
    this.#c = next();
    // The one forbidden state is all zeros.
    this.#d = next() | 1;
  }

  /** A whole number in [0, 2^32). */
  nextUint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  /** Uniform in [0, 1), with 53 random bits. */
  uniform(): number {
    return ((this.nextUint32() >>> 5) * 67_108_864 + (this.nextUint32() >>> 6)) / 9_007_199_254_740_992;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** A whole number in [0, count). */
  integer(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  /** True with this probability. Always takes one number, so that the probability does not shift what follows. */
  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** Standard normal, by the polar method of Marsaglia (1964). */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    let x: number;
    let y: number;
    let square: number;
    do {
      x = this.between(-1, 1);
      y = this.between(-1, 1);
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * Math.log(square)) / square);
    this.#spare = y * factor;
    return x * factor;
  }

  /** A new array with the same items in random order (Fisher–Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [result[i], result[j]] = [result[j]!, result[i]!];
    }
    return result;
  }
}

const rotateLeft = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
