/**
 * The known name that was most likely meant.
 *
 * @returns the name with the smallest edit distance, if that is at most a third of its length (at least 1), or one
 *   that is the beginning of the other; else undefined. Upper and lower case, `-` and `_` count as equal.
 *
 * Source: Levenshtein (1966), Soviet Physics Doklady 10(8), 707–710.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = folded(name.slice(0, 64));
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const other = folded(candidate);
    const isCut = Math.min(wanted.length, other.length) >= 3 && (wanted.startsWith(other) || other.startsWith(wanted));
    const distance = isCut ? 1 : editDistance(wanted, other);
    if (distance < bestDistance && distance <= Math.max(1, Math.floor(candidate.length / 3))) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `, did you mean "x"?`, or nothing when no known name is near. */
export function suggestion(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? '' : `, did you mean "${nearest}"?`;
}

const folded = (text: string): string => text.toLowerCase().replaceAll('-', '_');

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
