/** A quantity that follows its target late, as heat does: first-order lag. */
export class Lag {
  readonly #share: number;
  value: number;

  constructor(initial: number, lagSec: number, stepSec: number) {
    this.value = initial;
    this.#share = 1 - Math.exp(-stepSec / lagSec);
  }

  follow(target: number): number {
    this.value += this.#share * (target - this.value);
    return this.value;
  }
}
