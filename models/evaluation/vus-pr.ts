/**
 * Volume under the precision–recall surface: the area under a precision–recall curve that forgives detections near the edges
 * of a range, averaged over how near "near" is: 0, 1, … `buffer` rows. It needs no threshold, rewards a score that is high for
 * as long as an anomaly lasts, and does not depend on exactly where a labeller drew the edge.
 *
 * For a buffer of w rows each range is widened by ⌊w/2⌋ rows on either side, where the label falls as √(1 − distance/w). At the
 * k-th of 250 thresholds, which lie at equally spaced ranks of the scores,
 *
 *     hits        labels, widened, of the rows at or over the threshold
 *     precision   hits / rows at or over the threshold
 *     recall      min(1, hits / (labelled rows + half of the hits in the widened part)) · share of the ranges that are touched
 *
 * and the area is the sum of precision times the step in recall. Ranges that meet once they are widened count as one.
 *
 * Source: Paparrizos et al. (2022), Volume under the surface, PVLDB 15(11), 2774–2787.
 */
import { rowsWithin, type RowRange } from './row-range.js';

const THRESHOLDS = 250;

/**
 * @param score one entry a row, higher is stranger; never NaN
 * @param buffer widest buffer, in rows, at least 0
 * @returns in [0, 1]; undefined without ranges
 */
export function vusPr(score: Float64Array, ranges: readonly RowRange[], buffer: number): number | undefined {
  if (ranges.length === 0) return undefined;
  const level = levels(score);
  const inside = rowsWithin(ranges, score.length);
  const rowsOver = new Float64Array(THRESHOLDS);
  const labelledOver = new Float64Array(THRESHOLDS);
  let labelled = 0;
  for (let row = 0; row < score.length; row++) {
    rowsOver[level[row]!]!++;
    if (inside[row] === 0) continue;
    labelledOver[level[row]!]!++;
    labelled++;
  }
  accumulate(rowsOver);
  accumulate(labelledOver);

  const edges = new Edges(level, inside, ranges);
  let sum = 0;
  for (let width = 0; width <= buffer; width++) {
    edges.widen(width);
    let area = 0;
    let recallBefore = 0;
    for (let k = 0; k < THRESHOLDS; k++) {
      const hits = labelledOver[k]! + edges.hitsOver[k]!;
      const found = Math.min(1, hits / (labelled + edges.hitsOver[k]! / 2));
      const recall = found * (edges.touchedOver[k]! / edges.count);
      area += ((recall - recallBefore) * hits) / rowsOver[k]!;
      recallBefore = recall;
    }
    sum += area;
  }
  return sum / (buffer + 1);
}

/** The first threshold, from the highest, that each row reaches. */
function levels(score: Float64Array): Uint8Array {
  const descending = Float64Array.from(score).sort().reverse();
  const lastRank = score.length - 1;
  // The step is rounded before it is multiplied, as in the authors' own code: a rank that lies on a whole number depends on it.
  const step = lastRank / (THRESHOLDS - 1);
  const thresholds = Float64Array.from(
    { length: THRESHOLDS },
    (_, k) => descending[k === THRESHOLDS - 1 ? lastRank : Math.trunc(k * step)]!,
  );
  return Uint8Array.from(score, (value) => {
    let [low, high] = [0, THRESHOLDS - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value >= thresholds[middle]!) high = middle;
      else low = middle + 1;
    }
    return low;
  });
}

/** What widening the ranges adds, by threshold. */
class Edges {
  /** Labels in the widened part of the rows over each threshold. */
  readonly hitsOver = new Float64Array(THRESHOLDS);
  /** Widened ranges with a row over each threshold. */
  readonly touchedOver = new Float64Array(THRESHOLDS);
  /** Widened ranges. */
  count = 0;
  readonly #level: Uint8Array;
  readonly #inside: Uint8Array;
  readonly #ranges: readonly RowRange[];
  /** Label of each row outside the ranges, before it is cut at 1; all 0 between two calls. */
  readonly #label: Float64Array;
  readonly #labelled: number[] = [];

  constructor(level: Uint8Array, inside: Uint8Array, ranges: readonly RowRange[]) {
    this.#level = level;
    this.#inside = inside;
    this.#ranges = ranges;
    this.#label = new Float64Array(level.length);
  }

  widen(width: number): void {
    const half = width >> 1;
    this.hitsOver.fill(0);
    for (const [first, last] of this.#ranges) {
      for (let distance = 1; distance <= half; distance++) {
        this.#add(first - distance, Math.sqrt(1 - distance / width));
        this.#add(last + distance, Math.sqrt(1 - distance / width));
      }
    }
    for (const row of this.#labelled) {
      this.hitsOver[this.#level[row]!]! += Math.min(1, this.#label[row]!);
      this.#label[row] = 0;
    }
    this.#labelled.length = 0;
    accumulate(this.hitsOver);
    this.#touch(half);
  }

  #add(row: number, label: number): void {
    if (row < 0 || row >= this.#level.length || this.#inside[row] === 1) return;
    if (this.#label[row] === 0) this.#labelled.push(row);
    this.#label[row]! += label;
  }

  #touch(half: number): void {
    this.touchedOver.fill(0);
    this.count = 0;
    let from = this.#ranges[0]![0] - half;
    for (let r = 0; r < this.#ranges.length; r++) {
      const to = this.#ranges[r]![1] + half;
      const next = this.#ranges[r + 1];
      if (next !== undefined && to >= next[0] - half) continue;
      this.touchedOver[this.#highest(from, to)]!++;
      this.count++;
      if (next !== undefined) from = next[0] - half;
    }
    accumulate(this.touchedOver);
  }

  /** The first threshold that any of these rows reaches. */
  #highest(from: number, to: number): number {
    let level = THRESHOLDS - 1;
    for (let row = Math.max(0, from); row <= Math.min(to, this.#level.length - 1); row++) {
      if (this.#level[row]! < level) level = this.#level[row]!;
    }
    return level;
  }
}

function accumulate(counts: Float64Array): void {
  for (let k = 1; k < counts.length; k++) counts[k]! += counts[k - 1]!;
}
