/** CSV bytes to records, a bounded number at a time. */
import { CsvError, parse, type Parser } from 'csv-parse';
import { csvDelimiter } from '../../models/formats/csv-layout.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { peek } from './byte-source.js';
import { LONG_LINE, MAX_LINE_BYTES, withoutLongLines } from './long-lines.js';

/** The cells of a record; undefined for a line of more than `MAX_LINE_BYTES`, which is no row of numbers. */
export type CsvRecord = readonly string[] | undefined;

/**
 * The records of a CSV file, the header first. The delimiter (`,` `;` tab `|`) is the most frequent one of the first line.
 * Blank lines are no records. Where the file is damaged, all records before the damage come first.
 *
 * @throws CommandFailure when the text is no CSV; the message says where. Whatever `bytes` throws.
 */
export async function* csvRecords(bytes: AsyncIterable<Buffer>, name: string): AsyncGenerator<CsvRecord> {
  const { head, all } = await peek(bytes, 4_096);
  const delimiter = csvDelimiter(head.toString('utf8'));
  // Records are taken here and not from the stream, which drops what it still holds when an error ends it.
  let records: CsvRecord[] = [];
  const parser = parse({
    bom: true,
    delimiter,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_LINE_BYTES,
    on_record: (record: string[]) => {
      records.push(record.length === 1 && record[0] === LONG_LINE ? undefined : record);
      return null;
    },
  });
  parser.on('error', () => undefined).resume();
  let broken: { readonly error: unknown } | undefined;
  async function* wholeLines(): AsyncGenerator<Buffer> {
    try {
      yield* withoutLongLines(all);
    } catch (error) {
      // Told below: the parser still holds back the end of the last whole line.
      broken = { error };
    }
  }
  try {
    for await (const chunk of wholeLines()) {
      const failure = await write(parser, chunk);
      yield* records;
      records = [];
      if (failure !== undefined) throw failure;
    }
    const failure = await write(parser, undefined);
    yield* records;
    if (broken !== undefined) throw broken.error;
    if (failure !== undefined) throw failure;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new CommandFailure(ExitCode.failed, `${name} is not readable as CSV: ${error.message}`, error);
  } finally {
    parser.destroy();
  }
}

/** @param chunk undefined: the end. @returns what the parser says against it. */
function write(parser: Parser, chunk: Buffer | undefined): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const done = (error?: Error | null): void => resolve(error ?? undefined);
    if (chunk === undefined) parser.end(done);
    else parser.write(chunk, done);
  });
}
