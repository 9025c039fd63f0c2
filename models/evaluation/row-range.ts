/** First and last row of a stretch, from 0, both inclusive. Lists are ascending, and their ranges do not overlap. */
export type RowRange = readonly [first: number, last: number];

/** 1 for the rows within the ranges, 0 for the others. */
export function rowsWithin(ranges: readonly RowRange[], rows: number): Uint8Array {
  const within = new Uint8Array(rows);
  for (const [first, last] of ranges) within.fill(1, first, last + 1);
  return within;
}

/** What is left of the ranges when the first `from` rows are taken away: counted from there on. */
export function rangesFrom(ranges: readonly RowRange[], from: number): RowRange[] {
  return ranges
    .filter(([, last]) => last >= from)
    .map(([first, last]) => [Math.max(first, from) - from, last - from] as const);
}
