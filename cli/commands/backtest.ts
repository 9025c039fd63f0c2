import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { ablationVariants } from '../backtest/ablation.js';
import { findSeries, type Series } from '../backtest/catalogue.js';
import { changedSeries, comparedVariants, STANDARD } from '../backtest/comparison.js';
import { estimate } from '../backtest/estimate.js';
import {
  ablationTables,
  changeLines,
  comparisonTable,
  estimateTable,
  FIGURE_HELP,
  GAIN_HELP,
  figureTable,
  type NamedJudgements,
} from '../backtest/figure-tables.js';
import { judge } from '../backtest/judgement.js';
import { readModelFile } from '../model-file.js';
import { readProfile } from '../backtest/profile-file.js';
import { writeReport } from '../backtest/report/write-report.js';
import { channelsOf } from '../backtest/series-job.js';
import { requireSeparate } from '../backtest/separate-folders.js';
import { requireWhole, scoreVariants, type Scoring, type Variant } from '../backtest/variants.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { nameList, wholeNumber, type GlobalOptions } from '../options.js';
import { formatCount, formatDuration } from '../terminal/amounts.js';
import { printJson, printLine, printNote, type Terminal } from '../terminal/terminal.js';

interface BacktestOptions extends GlobalOptions {
  readonly data?: string;
  readonly out?: string;
  readonly profile?: string;
  readonly datasets?: readonly string[];
  readonly jobs?: number;
  readonly warm?: boolean;
  readonly measures?: boolean;
  readonly report?: string;
  readonly compare?: readonly string[];
  readonly ablate?: boolean;
  readonly estimate?: boolean;
  readonly channels?: readonly number[];
}

const DEFAULT_CHANNELS: readonly number[] = [1, 3, 8, 38];

const HELP = `
One line out for each row in, in the order of the file; blank lines are no rows. A row that is no reading holds the score of the
row before it. With --warm the train/ file may have other columns: they are matched by name.

Labels (<DATASET>/labels.json) are never read for scoring. --measures, --report, --compare and --ablate read them afterwards, for
their figures; without labels they count alerts. docs/backtest.md explains the figures and the format.

  redshank backtest --data history --out results --report report.html
  redshank backtest --data history --out results --compare standard mine.yaml
  redshank backtest --estimate --profile mine.yaml --channels 3,12`;

export function addBacktestCommand(program: Command, terminal: Terminal): void {
  program
    .command('backtest')
    .description(
      'score recorded series with the steps that the services run, without looking ahead, and judge profiles by it',
    )
    .option('--data <dir>', 'folder with <DATASET>/<series>.csv[.gz]')
    .option('--out <dir>', 'folder for <DATASET>/<series>.csv: timestamp,score,event,alert')
    .option(
      '--profile <file>',
      'takes the place of the standard profile: a YAML or JSON file, light, standard, deep, or a trained model (*.model)',
    )
    .option('--datasets <names>', 'only these, divided by commas', nameList)
    .option('--jobs <n>', 'series at the same time (default: processor cores)', wholeNumber(1, 256))
    .option('--warm', 'feed the train/ file of a series first, where there is one')
    .option('--measures', 'afterwards, say how good that was')
    .option('--report <file>', 'write one HTML page with tables and a picture of each series')
    .option('--compare <profiles...>', 'two profiles side by side: files, models, or light, standard, deep')
    .option('--ablate', 'the ensemble without each of its detectors in turn')
    .option('--estimate', 'bytes of state a device and µs a row; scores nothing')
    .option(
      '--channels <counts>',
      'for --estimate, divided by commas (default: those of --data, else 1,3,8,38)',
      channelCounts,
    )
    .addHelpText('after', HELP)
    .action(async (_options: unknown, command: Command) => {
      await backtest(terminal, command.optsWithGlobals<BacktestOptions>());
    });
}

async function backtest(terminal: Terminal, options: BacktestOptions): Promise<void> {
  const modes = (['compare', 'ablate', 'estimate'] as const).filter((mode) => options[mode] !== undefined);
  if (modes.length > 1) throw usage(`--${modes[0]!} and --${modes[1]!} are two different questions: ask one`);
  if (options.compare !== undefined && options.profile !== undefined) {
    throw usage('--compare names its profiles itself: leave --profile out');
  }
  if (options.report !== undefined && modes.length > 0) {
    throw usage(`--report shows one profile: leave --${modes[0]!} out`);
  }
  if (options.channels !== undefined && options.estimate !== true) {
    throw usage('--channels is for --estimate: a series has the channels of its file');
  }
  if (options.estimate === true) {
    await showEstimate(terminal, options);
    return;
  }
  const [data, out] = [required(options.data, '--data'), required(options.out, '--out')];
  requireSeparate(data, out);
  const given = options.profile === undefined ? undefined : await readProfile(options.profile);
  const variants =
    options.compare !== undefined
      ? await comparedVariants(options.compare, out)
      : options.ablate === true
        ? ablationVariants(given, out)
        : [{ name: '', outDir: out, profile: given?.definition, modelFile: given?.modelFile }];
  const series = await findSeries(data, options.datasets);

  const scoring = await scoreVariants(terminal, series, variants, {
    threads: options.jobs ?? availableParallelism(),
    isWarm: options.warm === true,
    withPictures: options.report !== undefined,
  });
  const judged = terminal.signal.aborted ? undefined : await judgements(options, data, series, variants, scoring);
  if (options.json === true) printJson(terminal, jsonOf(options, scoring, judged));
  else printScoring(terminal, options, out, scoring, judged);
  requireWhole(terminal, scoring);
}

/** Read after scoring, and only when somebody asks how good it was. */
async function judgements(
  { measures, compare, ablate, report, profile }: BacktestOptions,
  data: string,
  series: readonly Series[],
  variants: readonly Variant[],
  scoring: Scoring,
): Promise<NamedJudgements[] | undefined> {
  if (report !== undefined) {
    const name = profile === undefined ? STANDARD : basename(profile);
    return [{ name: '', judgements: await writeReport(report, name, data, series, variants[0]!, scoring) }];
  }
  if (measures !== true && compare === undefined && ablate !== true) return undefined;
  const judged: NamedJudgements[] = [];
  for (const variant of variants) {
    judged.push({ name: variant.name, judgements: await judge(data, series, variant, scoring) });
  }
  return judged;
}

function printScoring(
  terminal: Terminal,
  options: BacktestOptions,
  out: string,
  { done, rows, fed, seconds, failed }: Scoring,
  judged: readonly NamedJudgements[] | undefined,
): void {
  for (const { id, reason } of failed) printNote(terminal, `${id}: ${reason}`);
  printLine(
    terminal,
    `${formatCount(done)} series, ${formatCount(rows)} rows in ${formatDuration(seconds * 1_000)}, ` +
      `${formatCount(rowsPerSecond(fed, seconds))} rows/s → ${out}`,
  );
  if (judged === undefined) return;
  const [first, second] = judged;
  printLine(terminal);
  const lines =
    options.compare !== undefined
      ? [
          ...comparisonTable(first!, second!),
          '',
          ...changeLines(changedSeries(first!.judgements, second!.judgements), second!.name),
        ]
      : options.ablate === true
        ? ablationTables(judged)
        : figureTable(first!.judgements);
  for (const line of lines) printLine(terminal, line);
  if (judged.length > 1) printLine(terminal, `\n${GAIN_HELP}`);
  printLine(terminal, `\n${FIGURE_HELP}`);
  if (options.report !== undefined) printLine(terminal, `\nReport: ${options.report}`);
  const unlabelled = first!.judgements.filter(({ isLabelled }) => !isLabelled).map(({ dataset }) => dataset);
  if (unlabelled.length > 0) {
    printNote(terminal, `no labels.json in ${unlabelled.join(', ')}: there every alert counts as a false alarm`);
  }
}

function jsonOf(
  options: BacktestOptions,
  { done, rows, fed, seconds, failed }: Scoring,
  judged: readonly NamedJudgements[] | undefined,
): unknown {
  const [first, second] = judged ?? [];
  return {
    series: done,
    rows,
    fed,
    seconds: Number(seconds.toFixed(3)),
    rowsPerSecond: rowsPerSecond(fed, seconds),
    failed: failed.map(({ id, reason }) => ({ id, reason })),
    ...(judged === undefined ? {} : { variants: judged }),
    ...(options.compare === undefined || first === undefined || second === undefined
      ? {}
      : { changes: changedSeries(first.judgements, second.judgements) }),
  };
}

async function showEstimate(terminal: Terminal, options: BacktestOptions): Promise<void> {
  const given = options.profile === undefined ? undefined : await readProfile(options.profile);
  const model = given?.modelFile === undefined ? undefined : await readModelFile(given.modelFile);
  if (model !== undefined && options.channels !== undefined) {
    throw usage('the channels of a model are those that it was trained with: leave --channels out');
  }
  const counts =
    model !== undefined ? [model.header.channels.length] : (options.channels ?? (await channelCountsOf(options)));
  const estimates = counts.map((channels) => estimate(given?.definition, channels, model));
  if (options.json === true) printJson(terminal, { estimates });
  else for (const line of estimateTable(estimates)) printLine(terminal, line);
}

/** Each number of channels that a series of `--data` has, ascending. */
async function channelCountsOf({ data, datasets }: BacktestOptions): Promise<readonly number[]> {
  if (data === undefined) return DEFAULT_CHANNELS;
  const counts = new Set<number>();
  for (const { path } of await findSeries(data, datasets)) counts.add((await channelsOf(path)).length);
  return [...counts].sort((a, b) => a - b);
}

function channelCounts(text: string): readonly number[] {
  const counts = nameList(text).map(Number);
  if (counts.every((count) => Number.isInteger(count) && count >= 1 && count <= 256)) return counts;
  throw new InvalidArgumentError('They must be whole numbers from 1 to 256.');
}

function required(value: string | undefined, option: string): string {
  if (value === undefined) throw usage(`required option '${option} <dir>' not specified`);
  return value;
}

const rowsPerSecond = (fed: number, seconds: number): number => Math.round(fed / Math.max(0.001, seconds));
const usage = (message: string): CommandFailure => new CommandFailure(ExitCode.usage, message);
