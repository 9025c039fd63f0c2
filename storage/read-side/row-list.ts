/** Rows of one device, spread over batches. The batches are not copied and must not change. */
import type { ScoreBatch } from '../../models/domain/score-batch.js';

export class RowList {
  readonly #batches: ScoreBatch[] = [];
  readonly #indexes: number[] = [];

  get length(): number {
    return this.#indexes.length;
  }

  push(batch: ScoreBatch, index: number): void {
    this.#batches.push(batch);
    this.#indexes.push(index);
  }

  pushAll(batch: ScoreBatch): void {
    for (let i = 0; i < batch.length; i++) this.push(batch, i);
  }

  pushFrom(other: RowList, from: number, to: number): void {
    for (let i = from; i < to; i++) this.push(other.#batches[i]!, other.#indexes[i]!);
  }

  timeMs(i: number): number {
    return this.#batches[i]!.timeMs.data[this.#indexes[i]!]!;
  }

  receivedMs(i: number): number {
    return this.#batches[i]!.receivedMs.data[this.#indexes[i]!]!;
  }

  copyTo(out: ScoreBatch, i: number): void {
    out.copyFrom(this.#batches[i]!, this.#indexes[i]!);
  }

  /** By time; rows of equal time stay in order. */
  sorted(): RowList {
    if (this.#isSorted()) return this;
    const order = Array.from({ length: this.length }, (_, i) => i).sort((a, b) => this.timeMs(a) - this.timeMs(b));
    const sorted = new RowList();
    for (const i of order) sorted.pushFrom(this, i, i + 1);
    return sorted;
  }

  /** Both must be sorted. Of rows of equal time those of `this` come first. */
  merged(later: RowList): RowList {
    const rows = new RowList();
    let mine = 0;
    for (let i = 0; i < later.length; i++) {
      const timeMs = later.timeMs(i);
      while (mine < this.length && this.timeMs(mine) <= timeMs) {
        rows.pushFrom(this, mine, mine + 1);
        mine++;
      }
      rows.pushFrom(later, i, i + 1);
    }
    rows.pushFrom(this, mine, this.length);
    return rows;
  }

  #isSorted(): boolean {
    for (let i = 1; i < this.length; i++) if (this.timeMs(i) < this.timeMs(i - 1)) return false;
    return true;
  }
}
