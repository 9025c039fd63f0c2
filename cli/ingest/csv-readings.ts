import { DEVICE_ID_WORDS, isDeviceId } from '../../models/domain/identity.js';
import { cellProblem, parseCell, recordProblem } from '../../models/formats/csv-cells.js';
import type { CsvLayout, CsvLayoutOptions } from '../../models/formats/csv-layout.js';
import { parseSourceTime } from '../../models/formats/source-time.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { headerOf, layoutOf } from './csv-header.js';
import { csvRecords, type CsvRecord } from './csv-records.js';
import { MAX_LINE_BYTES } from './long-lines.js';
import type { SourceRow } from './source-row.js';

export interface CsvReadingsOptions extends CsvLayoutOptions {
  /** Device of all rows, where no column says it. */
  readonly device?: string | undefined;
  /** Told once what had to be changed of the header. */
  readonly onNotes?: (notes: readonly string[]) => void;
}

/**
 * Rows of a CSV file as readings, in file order; memory does not grow with the file. Blank lines are no rows.
 *
 * @throws CommandFailure when there is no row, or from where on the file is damaged.
 */
export async function* csvReadings(
  bytes: AsyncIterable<Buffer>,
  name: string,
  options: CsvReadingsOptions,
): AsyncGenerator<SourceRow> {
  let layout: CsvLayout | undefined;
  let headerCells = 0;
  let row = 0;
  for await (const record of csvRecords(bytes, name)) {
    if (layout === undefined) {
      layout = layoutOf(headerOf(record, name), options);
      headerCells = record?.length ?? 0;
      if (layout.notes.length > 0) options.onNotes?.(layout.notes);
      if (layout.deviceIndex === undefined && options.device === undefined) {
        throw new CommandFailure(ExitCode.usage, 'say which device this is: --device ID, or --device-column COLUMN');
      }
    } else {
      row++;
      const reason = problemOf(record, headerCells);
      yield reason === undefined ? rowOf(record!, row, layout, options.device) : { row, reason };
    }
  }
  if (layout === undefined) throw new CommandFailure(ExitCode.failed, `${name} is empty: a header row was expected`);
  if (row === 0) throw new CommandFailure(ExitCode.partial, `${name} has a header and no rows`);
}

function problemOf(record: CsvRecord, headerCells: number): string | undefined {
  return record === undefined ? `a line must have at most ${MAX_LINE_BYTES} bytes` : recordProblem(record, headerCells);
}

function rowOf(record: readonly string[], row: number, layout: CsvLayout, fixedDevice: string | undefined): SourceRow {
  const device = layout.deviceIndex === undefined ? fixedDevice! : (record[layout.deviceIndex] ?? '').trim();
  if (!isDeviceId(device)) {
    return { row, reason: `device must be ${DEVICE_ID_WORDS}, got ${JSON.stringify(device)}` };
  }
  const ts = parseSourceTime(record[layout.timeIndex] ?? '');
  if (typeof ts === 'string') return { row, reason: `timestamp ${ts}` };
  const values: Record<string, number | null> = {};
  for (const { index, name } of layout.channels) {
    const cell = record[index] ?? '';
    const value = parseCell(cell);
    if (value === undefined) {
      return { row, reason: cellProblem(name, cell) };
    }
    values[name] = Number.isNaN(value) ? null : value;
  }
  return { row, reading: { device, ts, values } };
}
