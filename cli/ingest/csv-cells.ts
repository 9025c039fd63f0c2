/** Cells of CSV files as numbers. */

const MISSING = new Set(['', 'nan', 'null', 'na', 'n/a', 'none', '-']);

/**
 * @returns the number; NaN for a cell that says "no value" (empty, NaN, null, NA, none, -) in any case; undefined for
 *   anything else, infinities included. `true` and `false` are 1 and 0.
 */
export function parseCell(cell: string): number | undefined {
  const number = Number(cell);
  if (Number.isFinite(number)) return cell.trim() === '' ? NaN : number;
  const word = cell.trim().toLowerCase();
  if (MISSING.has(word)) return NaN;
  if (word === 'true') return 1;
  return word === 'false' ? 0 : undefined;
}
