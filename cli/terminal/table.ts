import { printable } from './terminal.js';

/** Lines of a table with aligned columns. Cells are made safe for a terminal; numbers stand right. */
export function tableLines(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): readonly string[] {
  const texts = rows.map((row) => row.map((cell) => printable(String(cell))));
  const widths = header.map((title, c) => Math.max(title.length, ...texts.map((row) => row[c]?.length ?? 0)));
  const isRight = header.map((_, c) => rows.length > 0 && rows.every((row) => typeof row[c] === 'number'));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, c) => (isRight[c] === true ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!)))
      .join('  ')
      .trimEnd();
  return [line(header), ...texts.map(line)];
}
