/** Cells of CSV files as numbers. */
import { quoteValue } from '../domain/quote-value.js';

const MISSING = new Set(['', 'nan', 'null', 'na', 'n/a', 'none', '-']);
/**
 * Decimal digits alone: `Number` would also take 0x10, 0b1 and 0o7, which no sensor means. The dot stands before the second run of
 * digits: two runs next to each other would be tried in every division, for hours where a cell has a million.
 */
const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const DECIMAL_COMMA = /^[+-]?[\d.]*,\d+$/;

/**
 * @returns the number; NaN for a cell that says "no value" (empty, NaN, null, NA, none, -) in any case; undefined for
 *   anything else, infinities included. `true` and `false` are 1 and 0.
 */
export function parseCell(cell: string): number | undefined {
  const text = cell.trim();
  if (DECIMAL.test(text)) {
    const number = Number(text);
    // Adding 0 turns -0 into 0, as at the door.
    return Number.isFinite(number) ? number + 0 : undefined;
  }
  const word = text.toLowerCase();
  if (MISSING.has(word)) return NaN;
  if (word === 'true') return 1;
  return word === 'false' ? 0 : undefined;
}

/** Why `parseCell` did not take the cell of this channel. */
export function cellProblem(channel: string, cell: string): string {
  const hint = DECIMAL_COMMA.test(cell.trim()) ? ': write a dot in place of the decimal comma' : '';
  return `${channel} must be a finite number or empty, got ${quoteValue(cell)}${hint}`;
}

/**
 * Why a record is no row, whatever its cells say; undefined: it can be one. A shifted cell would be a wrong value; empty cells
 * after the last column are a habit of exports and shift nothing.
 */
export function recordProblem(record: readonly string[], headerCells: number): string | undefined {
  const isPadded = record.length > headerCells && record.slice(headerCells).every((cell) => cell.trim() === '');
  if (record.length === headerCells || isPadded) return undefined;
  return `has ${record.length} ${record.length === 1 ? 'cell' : 'cells'}, the header has ${headerCells}`;
}
