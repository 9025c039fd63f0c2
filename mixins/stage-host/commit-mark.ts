/**
 * How far an output topic has come, as one number in the headers of its chunks: an input position, and how many rows of what
 * follows from the input behind it are there already. The rows are the fraction, so marks are in order as what they stand for.
 */
const ROWS_A_POSITION = 2 ** 20;

/** Position up to 2^33 (a thousand chunks a second for 99 days). @throws RangeError for more than a million rows. */
export function commitMark(position: number, rows: number): number {
  if (rows >= ROWS_A_POSITION) throw new RangeError(`rows behind a position must be < ${ROWS_A_POSITION}, got ${rows}`);
  return position + rows / ROWS_A_POSITION;
}

export function readCommitMark(mark: number): { readonly position: number; readonly rows: number } {
  const position = Math.floor(mark);
  return { position, rows: (mark - position) * ROWS_A_POSITION };
}
