/** What a backtest has written for one series, read again. */
import { readFile } from 'node:fs/promises';

/** One entry a row in each column. */
export interface SeriesResultColumns {
  /** As written. */
  readonly times: readonly string[];
  readonly score: Float64Array;
  readonly event: Float64Array;
  readonly alert: Uint8Array;
}

export async function readResult(path: string): Promise<SeriesResultColumns> {
  const lines = linesOf(await readFile(path, 'utf8'));
  const times: string[] = [];
  const score = new Float64Array(lines.length);
  const event = new Float64Array(lines.length);
  const alert = new Uint8Array(lines.length);
  lines.forEach((line, row) => {
    // From the right: a timestamp in quotes may hold commas.
    const alertAt = line.lastIndexOf(',');
    const eventAt = line.lastIndexOf(',', alertAt - 1);
    const scoreAt = line.lastIndexOf(',', eventAt - 1);
    times.push(unquoted(line.slice(0, scoreAt)));
    score[row] = Number(line.slice(scoreAt + 1, eventAt));
    event[row] = Number(line.slice(eventAt + 1, alertAt));
    alert[row] = Number(line.slice(alertAt + 1));
  });
  return { times, score, event, alert };
}

/** Without the header. A quoted timestamp may hold line breaks: such a line ends where its numbers do. */
function linesOf(text: string): string[] {
  const lines = text.split('\n').slice(1, -1);
  if (!text.includes('"')) return lines;
  const whole: string[] = [];
  for (const line of lines) {
    const before = whole.at(-1);
    if (before !== undefined && isOpen(before)) whole[whole.length - 1] = `${before}\n${line}`;
    else whole.push(line);
  }
  return whole;
}

const isOpen = (line: string): boolean => (line.split('"').length - 1) % 2 === 1;
const unquoted = (cell: string): string => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
