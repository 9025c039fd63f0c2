/** The header of a CSV file, and which of its columns is what; where it has none, a command that ends. */
import { RequestInvalidError } from '../../models/errors.js';
import { csvLayout, type CsvLayout, type CsvLayoutOptions } from '../../models/formats/csv-layout.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import type { CsvRecord } from './csv-records.js';
import { MAX_LINE_BYTES } from './long-lines.js';

const OPTION_NAMES = { time: '--time', device: '--device-column', channels: '--channels' } as const;

/** @throws CommandFailure (usage) when the header has no such columns, or none that can be a channel. */
export function layoutOf(header: readonly string[], options: CsvLayoutOptions): CsvLayout {
  try {
    return csvLayout(header, { ...options, optionNames: OPTION_NAMES });
  } catch (error) {
    if (!(error instanceof RequestInvalidError)) throw error;
    throw new CommandFailure(ExitCode.usage, error.message, error);
  }
}

/** @throws CommandFailure when the first line is too long to be a header. */
export function headerOf(record: CsvRecord, name: string): readonly string[] {
  if (record !== undefined) return record;
  throw new CommandFailure(
    ExitCode.failed,
    `${name} is not readable as CSV: its header has more than ${MAX_LINE_BYTES} bytes`,
  );
}
