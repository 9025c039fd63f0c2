/** Compares what was acknowledged with what was scored. Knows nothing of how Redshank works. */

export interface Verdict {
  /** Acknowledged, but without a score. */
  readonly lost: number;
  /** Scored more than once. */
  readonly doubled: number;
  /** Scored before an earlier reading of the same device. */
  readonly disordered: number;
}

/** @param acknowledged, scored times of the readings of each device, the latter in the order of their scores */
export function judge(
  acknowledged: ReadonlyMap<string, readonly number[]>,
  scored: ReadonlyMap<string, readonly number[]>,
): Verdict {
  let lost = 0;
  let doubled = 0;
  let disordered = 0;
  for (const [device, times] of acknowledged) {
    const found = scored.get(device) ?? [];
    const distinct = new Set(found);
    lost += times.filter((time) => !distinct.has(time)).length;
    doubled += found.length - distinct.size;
    for (let i = 1; i < found.length; i++) if (found[i]! < found[i - 1]!) disordered++;
  }
  return { lost, doubled, disordered };
}
