/** Lets other work of the process have its turn while a long piece of synchronous work goes on. */
export class EventLoopSlices {
  readonly #sliceMs: number;
  #sinceMs = performance.now();

  /** @param sliceMs longest time to keep the event loop, in ms. */
  constructor(sliceMs = 5) {
    this.#sliceMs = sliceMs;
  }

  /** Resolves in a later turn when the slice is used up, else at once. */
  async pause(): Promise<void> {
    if (performance.now() - this.#sinceMs < this.#sliceMs) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#sinceMs = performance.now();
  }
}
