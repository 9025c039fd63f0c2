import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { completeProfile, DEFAULT_PROFILE, type ProfileDefinition } from '../../models/profiles/profile.js';
import { findSeries } from '../backtest/catalogue.js';
import { runJobs } from '../backtest/pool.js';
import type { SeriesJob, SeriesResult } from '../backtest/series-job.js';
import { makeResultFolder, requireSeparate } from '../backtest/separate-folders.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { nameList, wholeNumber, type GlobalOptions } from '../options.js';
import { formatCount, formatDuration } from '../terminal/amounts.js';
import { startProgress } from '../terminal/progress.js';
import { printJson, printLine, printNote, type Terminal } from '../terminal/terminal.js';

interface BacktestOptions extends GlobalOptions {
  readonly data: string;
  readonly out: string;
  readonly profile?: string;
  readonly datasets?: readonly string[];
  readonly jobs?: number;
  readonly warm?: boolean;
}

const HELP = `
One line out for each row in, in the order of the file; blank lines are no rows. A row that is no reading holds the score of the
row before it. With --warm the train/ file may have other columns: they are matched by name. Labels are never read.`;

export function addBacktestCommand(program: Command, terminal: Terminal): void {
  program
    .command('backtest')
    .description('score recorded series with the steps that the services run, without looking ahead')
    .requiredOption('--data <dir>', 'folder with <DATASET>/<series>.csv[.gz]')
    .requiredOption('--out <dir>', 'folder for <DATASET>/<series>.csv: timestamp,score,event,alert')
    .option('--profile <file>', 'YAML or JSON definition that takes the place of the standard profile')
    .option('--datasets <names>', 'only these, divided by commas', nameList)
    .option('--jobs <n>', 'series at the same time (default: processor cores)', wholeNumber(1, 256))
    .option('--warm', 'feed the train/ file of a series first, where there is one')
    .addHelpText('after', HELP)
    .action(async (_options: unknown, command: Command) => {
      await backtest(terminal, command.optsWithGlobals<BacktestOptions>());
    });
}

async function backtest(terminal: Terminal, options: BacktestOptions): Promise<void> {
  requireSeparate(options.data, options.out);
  const profile = options.profile === undefined ? undefined : await readProfile(options.profile);
  const series = await findSeries(options.data, options.datasets);
  const totalBytes = series.reduce((sum, { bytes }) => sum + bytes, 0);
  const jobs = series.map(({ dataset, name, path, trainPath }): SeriesJob => ({
    id: `${dataset}/${name}`,
    path,
    trainPath: options.warm === true ? trainPath : undefined,
    outPath: join(options.out, dataset, `${name}.csv`),
    profile,
  }));

  await makeResultFolder(options.out);
  const startedMs = performance.now();
  const total: { rows: number; fed: number } = { rows: 0, fed: 0 };
  const failed: { id: string; reason: string }[] = [];
  const readBytes = new Map<string, number>();
  let doneSeries = 0;
  const progress = startProgress(terminal, 'backtest', totalBytes);
  const show = (job: SeriesJob, bytes: number): void => {
    readBytes.set(job.id, bytes);
    const done = [...readBytes.values()].reduce((sum, value) => sum + value, 0);
    progress.update(done, `${doneSeries}/${jobs.length} series`);
  };
  await runJobs(jobs, {
    threads: options.jobs ?? availableParallelism(),
    signal: terminal.signal,
    onProgress: show,
    onDone: (job, result: SeriesResult) => {
      total.rows += result.rows;
      total.fed += result.fed;
      doneSeries++;
      show(job, readBytes.get(job.id) ?? 0);
    },
    onFailed: (job, reason) => failed.push({ id: job.id, reason }),
  });
  progress.stop();

  const seconds = (performance.now() - startedMs) / 1_000;
  const rowsPerSecond = Math.round(total.fed / Math.max(0.001, seconds));
  if (options.json === true) {
    printJson(terminal, { series: doneSeries, ...total, seconds: Number(seconds.toFixed(3)), rowsPerSecond, failed });
  } else {
    for (const { id, reason } of failed) printNote(terminal, `${id}: ${reason}`);
    printLine(
      terminal,
      `${formatCount(doneSeries)} series, ${formatCount(total.rows)} rows in ${formatDuration(seconds * 1_000)}, ` +
        `${formatCount(rowsPerSecond)} rows/s → ${options.out}`,
    );
  }
  if (terminal.signal.aborted) throw new CommandFailure(ExitCode.failed, 'stopped before all series were done');
  if (failed.length > 0) {
    const exitCode = doneSeries === 0 ? ExitCode.failed : ExitCode.partial;
    throw new CommandFailure(exitCode, `${failed.length} of ${jobs.length} series failed`);
  }
}

async function readProfile(file: string): Promise<ProfileDefinition> {
  const text = await readFile(file, 'utf8');
  let partial: unknown;
  try {
    partial = parse(text);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new CommandFailure(ExitCode.usage, `${file} is not YAML or JSON: ${reason}`, error);
  }
  return completeProfile(DEFAULT_PROFILE, partial);
}
