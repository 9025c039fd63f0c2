/** How far the distribution of some numbers has moved from that of others. */

/** Classes of equal share among the reference. */
const CLASSES = 5;
/** A class that nobody is in counts as half a number: the logarithm of nothing is no number. */
const EMPTY = 0.5;

/**
 * Population stability index: below 0.1 little has changed, above 0.25 much.
 *
 * Input    finite numbers, at least one each, any order; `independent`: how many of each count as independent of one another
 * Output   >= 0. What it would be on the average if nothing had changed, (classes - 1)(1/n + 1/m), is taken off: numbers that follow
 *          one another closely are few, however many there are
 * Cost     O(n log n)
 * Source   Yurdakul (2018), Statistical properties of population stability index, Western Michigan University
 */
export function populationStability(
  reference: ArrayLike<number>,
  recent: ArrayLike<number>,
  independent: { readonly reference: number; readonly recent: number },
): number {
  const edges = quantileEdges(reference);
  const [before, now] = [shares(reference, edges), shares(recent, edges)];
  let index = 0;
  before.forEach((share, c) => (index += (now[c]! - share) * Math.log(now[c]! / share)));
  const byChance = edges.length * (1 / independent.reference + 1 / independent.recent);
  return Math.max(0, index - byChance);
}

/** Upper limits of all classes but the last; fewer where many numbers are equal. */
function quantileEdges(values: ArrayLike<number>): number[] {
  const sorted = Float64Array.from(values).sort();
  const edges: number[] = [];
  for (let c = 1; c < CLASSES; c++) {
    const edge = sorted[Math.floor((c * (sorted.length - 1)) / CLASSES)]!;
    if (edges.length === 0 || edge > edges.at(-1)!) edges.push(edge);
  }
  return edges;
}

function shares(values: ArrayLike<number>, edges: readonly number[]): number[] {
  const counts = new Array<number>(edges.length + 1).fill(0);
  for (let i = 0; i < values.length; i++) {
    const place = edges.findIndex((edge) => values[i]! <= edge);
    counts[place < 0 ? edges.length : place]!++;
  }
  const total = counts.reduce((sum, count) => sum + Math.max(EMPTY, count), 0);
  return counts.map((count) => Math.max(EMPTY, count) / total);
}
