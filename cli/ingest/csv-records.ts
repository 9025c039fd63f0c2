/** CSV bytes to records, a bounded number at a time. */
import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { peek } from './byte-source.js';

const DELIMITERS = [',', ';', '\t', '|'] as const;
/** A record that is longer is no row of numbers. */
const MAX_RECORD_BYTES = 1_048_576;

/**
 * The records of a CSV file, the header first. The delimiter (`,` `;` tab `|`) is the most frequent one of the first line.
 *
 * @throws CommandFailure when the text is no CSV; the message says where.
 */
export async function* csvRecords(bytes: AsyncIterable<Buffer>, name: string): AsyncGenerator<string[]> {
  const { head, all } = await peek(bytes, 4_096);
  const firstLine = head.toString('utf8').split(/\r?\n/, 1)[0] ?? '';
  const delimiter = DELIMITERS.reduce((best, candidate) =>
    firstLine.split(candidate).length > firstLine.split(best).length ? candidate : best,
  );
  const parser = parse({
    bom: true,
    delimiter,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD_BYTES,
  });
  const source = Readable.from(all, { objectMode: false });
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const record of parser) yield record as string[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new CommandFailure(ExitCode.failed, `${name} is not readable as CSV: ${error.message}`, error);
  } finally {
    source.destroy();
  }
}
