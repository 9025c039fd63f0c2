/**
 * Noise with a memory: an autoregressive process of order one, the sampled form of Ornstein–Uhlenbeck. Its spread and memory
 * do not depend on the sampling interval.
 */
import type { SeededRandom } from './random.js';

export class AutoregressiveNoise {
  readonly #random: SeededRandom;
  readonly #keep: number;
  readonly #shock: number;
  #value: number;

  /**
   * @param sd standard deviation of the noise, in the unit of the signal.
   * @param memorySec seconds after which a deviation has faded to 1/e.
   * @param stepSec seconds between two calls of `next`.
   */
  constructor(random: SeededRandom, sd: number, memorySec: number, stepSec: number) {
    this.#random = random;
    this.#keep = Math.exp(-stepSec / memorySec);
    this.#shock = sd * Math.sqrt(1 - this.#keep * this.#keep);
    this.#value = sd * random.normal();
  }

  next(): number {
    this.#value = this.#keep * this.#value + this.#shock * this.#random.normal();
    return this.#value;
  }
}
