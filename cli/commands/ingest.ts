import type { Command } from 'commander';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { clientFor, nameList, wholeNumber, type GlobalOptions } from '../options.js';
import { openByteSource, peek, type ByteSource } from '../ingest/byte-source.js';
import { csvReadings } from '../ingest/csv-readings.js';
import { ndjsonReadings } from '../ingest/ndjson-readings.js';
import type { SourceRow } from '../ingest/source-row.js';
import { decidedOf, OutcomeWatch, withoutCopies, type OutcomeCounts } from '../ingest/outcome-watch.js';
import { MAX_DEVICES, noTotals, upload, type UploadTotals } from '../ingest/upload.js';
import { formatCount, formatDuration } from '../terminal/amounts.js';
import { startProgress } from '../terminal/progress.js';
import { printable, printJson, printLine, printNote, type Terminal } from '../terminal/terminal.js';

interface IngestOptions extends GlobalOptions {
  readonly device?: string;
  readonly deviceColumn?: string;
  readonly time?: string;
  readonly channels?: readonly string[];
  readonly format?: 'csv' | 'ndjson';
  readonly batch: number;
  readonly wait: boolean;
}

/** A server may be away this long, for example while it restarts, before a file is given up. */
const RETRY_FOR_MS = 120_000;

export function addIngestCommand(program: Command, terminal: Terminal): void {
  program
    .command('ingest')
    .description('send the readings of CSV or NDJSON files, gzip or not, to a running server')
    .argument('<file...>', 'files in the order to send; - is standard input')
    .option('--device <id>', 'device of all rows')
    .option('--device-column <name>', 'column (NDJSON: field) that names the device')
    .option('--time <name>', 'column of the time; else timestamp, time, ts, date, datetime or _time')
    .option('--channels <names>', 'only these columns, divided by commas (CSV)', nameList)
    .option('--format <format>', 'csv or ndjson; else by the name or the first character')
    .option('--batch <n>', 'readings a request', wholeNumber(1, 100_000), 1_000)
    .option('--no-wait', 'do not wait until everything is scored')
    .action(async (files: string[], _options: unknown, command: Command) => {
      await ingest(terminal, files, command.optsWithGlobals<IngestOptions>());
    });
}

async function ingest(terminal: Terminal, files: readonly string[], options: IngestOptions): Promise<void> {
  const client = clientFor(terminal, options, { retryForMs: RETRY_FOR_MS });
  // Asked once without patience: a server that is not there at all should be said at once.
  await client.get('/health');
  const sources: ByteSource[] = [];
  for (const file of files) sources.push(await openByteSource(file, terminal.stdin));

  const totals = noTotals();
  const watch = new OutcomeWatch(client, options.deviceColumn === undefined ? options.device : undefined);
  if (options.wait) await watch.begin();
  const startedMs = performance.now();
  let failure: unknown;
  for (const source of sources) {
    const progress = startProgress(terminal, printable(source.name), source.totalBytes ?? 0);
    const onProgress = (now: UploadTotals): void =>
      progress.update(source.readBytes(), `${formatCount(now.accepted)} readings accepted`);
    try {
      await upload(rowsOf(source, options, terminal), client, { batchSize: options.batch, onProgress }, totals);
    } catch (error) {
      failure = error;
      break;
    } finally {
      progress.stop();
    }
  }
  const sentMs = performance.now() - startedMs;

  let outcomes: OutcomeCounts | undefined;
  let alerts: number | undefined;
  let takenTwice = 0;
  if (
    failure === undefined &&
    options.wait &&
    watch.isComplete &&
    totals.devices.size < MAX_DEVICES &&
    totals.accepted > 0
  ) {
    const progress = startProgress(terminal, 'scoring', totals.accepted);
    const all = await watch
      .wait(totals.devices, totals, terminal.signal, (decided) => progress.update(decided))
      .finally(() => progress.stop());
    outcomes = withoutCopies(all, totals.accepted, totals.resent);
    takenTwice = decidedOf(all) - decidedOf(outcomes);
    alerts = await watch.newAlerts(totals.devices, terminal.signal);
  }
  const tookMs = performance.now() - startedMs;
  // Nothing was read: there are no totals to tell.
  if (failure !== undefined && totals.rows === 0) throw failure as Error;
  report(terminal, options.json === true, {
    rows: totals.rows,
    accepted: totals.accepted,
    invalid: totals.invalid,
    outcomes,
    takenTwice,
    alerts,
    devices: totals.devices.size,
    seconds: Math.round(tookMs) / 1_000,
    rowsPerSecond: Math.round(totals.rows / Math.max(0.001, sentMs / 1_000)),
    refusals: totals.refusals,
  });
  if (failure !== undefined) throw failure as Error;
  if (terminal.signal.aborted) throw new CommandFailure(ExitCode.failed, 'stopped before everything was scored');
  const isUndecided = outcomes !== undefined && decidedOf(outcomes) < totals.accepted;
  if (totals.invalid > 0 || totals.accepted === 0 || isUndecided) {
    throw new CommandFailure(
      ExitCode.partial,
      isUndecided
        ? 'the server has not scored everything in time; `redshank doctor` says how it is'
        : `${formatCount(totals.invalid)} of ${formatCount(totals.rows)} rows were refused`,
    );
  }
}

async function* rowsOf(source: ByteSource, options: IngestOptions, terminal: Terminal): AsyncGenerator<SourceRow> {
  const { head, all } = await peek(source.bytes, 1);
  if ((options.format ?? formatOf(source.name, head)) === 'ndjson') {
    yield* ndjsonReadings(all, { ...options, timeColumn: options.time });
    return;
  }
  yield* csvReadings(all, source.name, {
    ...options,
    timeColumn: options.time,
    channelColumns: options.channels,
    onNotes: (notes) => notes.forEach((note) => printNote(terminal, `${printable(source.name)}: ${printable(note)}`)),
  });
}

function formatOf(name: string, head: Buffer): 'csv' | 'ndjson' {
  const bare = name.toLowerCase().replace(/\.gz$/, '');
  if (bare.endsWith('.ndjson') || bare.endsWith('.jsonl')) return 'ndjson';
  if (bare.endsWith('.csv') || bare.endsWith('.tsv')) return 'csv';
  return head.toString('utf8').trimStart().startsWith('{') ? 'ndjson' : 'csv';
}

interface IngestReport {
  readonly rows: number;
  readonly accepted: number;
  readonly invalid: number;
  readonly outcomes: OutcomeCounts | undefined;
  /** Copies that a server which died in between has taken; they are in none of the other counts. */
  readonly takenTwice: number;
  readonly alerts: number | undefined;
  readonly devices: number;
  readonly seconds: number;
  readonly rowsPerSecond: number;
  readonly refusals: readonly { readonly row: number; readonly reason: string }[];
}

function report(terminal: Terminal, json: boolean, result: IngestReport): void {
  if (json) {
    printJson(terminal, { ...result, outcomes: result.outcomes && withRefused(result.outcomes, result.invalid) });
    return;
  }
  for (const { row, reason } of result.refusals) printNote(terminal, `row ${row}: ${printable(reason)}`);
  printLine(
    terminal,
    `${formatCount(result.rows)} rows in ${formatDuration(result.seconds * 1_000)}, ${formatCount(result.rowsPerSecond)} rows/s sent`,
  );
  if (result.outcomes === undefined) {
    printLine(terminal, `accepted ${formatCount(result.accepted)} · invalid ${formatCount(result.invalid)}`);
    return;
  }
  const { scored, duplicate, conflict, late, future, invalid } = withRefused(result.outcomes, result.invalid);
  const counts = Object.entries({ scored, duplicate, conflict, late, future, invalid });
  printLine(terminal, counts.map(([outcome, count]) => `${outcome} ${formatCount(count)}`).join(' · '));
  const waiting = result.accepted - decidedOf(result.outcomes);
  if (waiting > 0) printLine(terminal, `not yet scored ${formatCount(waiting)}`);
  if (result.takenTwice > 0) printLine(terminal, `taken twice, scored once ${formatCount(result.takenTwice)}`);
  printLine(terminal, `alerts so far ${formatCount(result.alerts ?? 0)}`);
}

/** What the log refused (no room for another device) and what the door refused are the same to people. */
function withRefused(outcomes: OutcomeCounts, refused: number): OutcomeCounts {
  return { ...outcomes, invalid: outcomes.invalid + refused };
}
