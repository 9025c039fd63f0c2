/** One at a time: snapshots of several partitions must not be in memory together. */
export class Turns {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** Somebody has the turn, or waits for it. */
  get isTaken(): boolean {
    return this.#waiting > 0;
  }

  /** Runs `work` when everybody who asked before is done, failed or not. */
  async run(work: () => Promise<void>): Promise<void> {
    this.#waiting++;
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    try {
      await turn;
    } finally {
      this.#waiting--;
    }
  }
}
