/** The scores of a device as a file: CSV and NDJSON as long as you like, Parquet as far as it fits into memory. */
import { parquetWriteBuffer } from 'hyparquet-writer';
import { scoreView } from '../../models/domain/score-view.js';
import type { ScoreBatch } from '../../models/domain/score-batch.js';
import { PayloadTooLargeError } from '../../models/errors.js';
import type { ReadSide } from '../../storage/read-side/read-side.js';

export const EXPORT_FORMATS = ['csv', 'ndjson', 'parquet'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export const EXPORT_MEDIA_TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
};

/** Rows of one read, some 20 ms of work: others get their turn in between. */
const PAGE_ROWS = 2_000;
/** Parquet has its index at the end: the whole file is made in memory. */
const MOST_PARQUET_ROWS = 500_000;
/** Rows times channels, with the columns that each has: half a second of work in one piece. */
const MOST_PARQUET_CELLS = 4_500_000;
const COLUMNS_WITHOUT_CHANNELS = 8;

export interface ExportRange {
  readonly tenant: string;
  readonly device: string;
  /** Unix ms, inclusive. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** One row a reading. Values of channels that a reading lacks are empty. Names of channels hold no comma, quote or line end. */
export async function* csvText(
  readSide: ReadSide,
  range: ExportRange,
  channels: readonly string[],
): AsyncGenerator<string> {
  yield `ts,score,threshold,isAnomaly,event,phase,outcome,model,${channels.join(',')}\n`;
  for await (const batch of pages(readSide, range)) {
    let text = '';
    for (let i = 0; i < batch.length; i++) {
      const { ts, score, threshold, isAnomaly, event, phase, outcome, model, channels: values } = scoreView(batch, i);
      const cells = [ts, score, threshold, isAnomaly, event, phase, outcome, model];
      for (const channel of channels) cells.push(values[channel]?.actual ?? null);
      text += `${cells.map((cell) => cell ?? '').join(',')}\n`;
    }
    yield text;
  }
}

/** One score a line, as `/scores` has them. */
export async function* ndjsonText(readSide: ReadSide, range: ExportRange): AsyncGenerator<string> {
  for await (const batch of pages(readSide, range)) {
    let text = '';
    for (let i = 0; i < batch.length; i++) text += `${JSON.stringify(scoreView(batch, i))}\n`;
    yield text;
  }
}

/** @throws PayloadTooLargeError beyond 500,000 rows, or fewer where there are many channels */
export async function parquetBytes(
  readSide: ReadSide,
  range: ExportRange,
  channels: readonly string[],
): Promise<Uint8Array> {
  const cells = COLUMNS_WITHOUT_CHANNELS + channels.length;
  const mostRows = Math.min(MOST_PARQUET_ROWS, Math.floor(MOST_PARQUET_CELLS / cells));
  const ts: Date[] = [];
  const numbers: Record<string, (number | null)[]> = { score: [], threshold: [], event: [] };
  const words: Record<string, string[]> = { phase: [], outcome: [], model: [] };
  const isAnomaly: boolean[] = [];
  const values: (number | null)[][] = channels.map(() => []);
  for await (const batch of pages(readSide, range)) {
    if (ts.length + batch.length > mostRows) {
      throw new PayloadTooLargeError(
        `as Parquet at most ${mostRows} rows with ${channels.length} channel(s): ask for a shorter range, or for csv or ndjson`,
      );
    }
    for (let i = 0; i < batch.length; i++) {
      const view = scoreView(batch, i);
      ts.push(new Date(view.ts));
      isAnomaly.push(view.isAnomaly);
      for (const name of ['score', 'threshold', 'event'] as const) numbers[name]!.push(view[name]);
      for (const name of ['phase', 'outcome', 'model'] as const) words[name]!.push(view[name]);
      channels.forEach((channel, c) => values[c]!.push(view.channels[channel]?.actual ?? null));
    }
  }
  const number = (name: string, data: readonly (number | null)[]) => ({
    name,
    data: [...data],
    type: 'DOUBLE' as const,
  });
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: 'ts', data: ts, type: 'TIMESTAMP' },
      ...Object.entries(numbers).map(([name, data]) => number(name, data)),
      { name: 'isAnomaly', data: isAnomaly, type: 'BOOLEAN' },
      ...Object.entries(words).map(([name, data]) => ({ name, data, type: 'STRING' as const })),
      // A channel may be called as one of the others.
      ...channels.map((channel, c) => number(`channel ${channel}`, values[c]!)),
    ],
  });
  return new Uint8Array(buffer);
}

async function* pages(readSide: ReadSide, { tenant, device, fromMs, toMs }: ExportRange): AsyncGenerator<ScoreBatch> {
  let cursor: string | undefined;
  do {
    const query = { fromMs, toMs, limit: PAGE_ROWS, ...(cursor !== undefined && { cursor }) };
    const { batch, next } = await readSide.scores(tenant, device, query);
    yield batch;
    cursor = next;
  } while (cursor !== undefined);
}
