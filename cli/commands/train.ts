import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { ARCHITECTURES, decodeArtifact, type Architecture, type Artifact } from '../../models/neural/artifact.js';
import { TRAINING_DEFAULTS, TRAINING_LIMITS } from '../../models/neural/training-wish.js';
import type { NetworkFiles } from '../../models/neural/exchange/network-files.js';
import type { BackendName } from '../../models/neural/tensorflow.js';
import type { EpochReport } from '../../models/neural/training.js';
import { DEFAULT_PROFILE, isProfileName } from '../../models/profiles/profile.js';
import { packageVersion } from '../../services/package-version.js';
import { calibrateInThread, trainInThread, type TrainingResult } from '../../services/training/training-thread.js';
import { makeFolder } from '../../storage/make-folder.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { MODEL_SUFFIX } from '../model-file.js';
import { clientFor, nameList, settingsFor, since, wholeNumber, type GlobalOptions } from '../options.js';
import { formatCount, formatDuration, formatValue } from '../terminal/amounts.js';
import { startProgress } from '../terminal/progress.js';
import { printable, printJson, printLine, printNote, type Terminal } from '../terminal/terminal.js';
import type { SeriesCollector } from '../../models/neural/series-collector.js';
import { networkFilesFrom } from '../training/network-from-path.js';
import { seriesFromFiles } from '../training/series-from-files.js';
import { seriesFromServer } from '../training/series-from-server.js';
import { trainingReport, writeTrainingReport } from '../training/training-report.js';

interface TrainOptions extends GlobalOptions {
  readonly profile: string;
  readonly from?: readonly string[];
  readonly device?: readonly string[];
  readonly since?: number;
  readonly channels?: readonly string[];
  readonly time?: string;
  readonly deviceColumn?: string;
  readonly architecture: Architecture;
  readonly window: number;
  readonly latent?: number;
  readonly epochs: number;
  readonly seed: number;
  readonly network?: string;
  readonly modelPath?: string;
  readonly config?: string;
}

const HELP = `
A model learns what a window of ordinary readings looks like; what it cannot restore is strange. Give it time in which nothing was
wrong: from files, or from a server, where what was strange is left out. docs/neural.md says how to choose.

With --network nothing is learned: a network that was trained elsewhere, in the layers format of TensorFlow.js (a folder) or as Keras
saves it (.keras, .h5), is taken as it is, and the data say what is ordinary. Name its channels in the order of its inputs.

  redshank train --profile pump --from march.csv april.csv
  redshank train --profile pump --device pump-1,pump-2 --since 14d --architecture lstm
  redshank train --profile pump --from march.csv --network autoencoder.keras --channels flow,pressure
  redshank backtest --data history --out results --compare standard data/models/pump/3f2a91c04b7d/pump.model`;

export function addTrainCommand(program: Command, terminal: Terminal): void {
  program
    .command('train')
    .description('train an autoencoder for the devices of a profile')
    .option('--profile <name>', 'profile that it is for', profileName, DEFAULT_PROFILE)
    .option('--from <files...>', 'CSV files, gzip or not; each is a device unless a column says otherwise')
    .option('--device <ids>', 'devices of a server, divided by commas', nameList)
    .option('--since <time>', 'with --device: from when on, as 14d, 12h or a date (default 30d)', since)
    .option('--channels <names>', 'channels, divided by commas (default: all)', nameList)
    .option('--time <column>', 'with --from: column with the time')
    .option('--device-column <column>', 'with --from: column with the device')
    .addOption(
      new Option('--architecture <name>', 'what kind of network')
        .choices(ARCHITECTURES)
        .default(TRAINING_DEFAULTS.architecture),
    )
    .option('--window <rows>', 'rows that it looks at', within('steps'), TRAINING_DEFAULTS.steps)
    .option('--latent <numbers>', 'numbers that a window is squeezed into (default: by the channels)', within('latent'))
    .option(
      '--epochs <n>',
      'most passes; it stops by itself when it gets no better',
      within('epochs'),
      TRAINING_DEFAULTS.epochs,
    )
    .option('--seed <n>', 'the same seed gives the same model', within('seed'), TRAINING_DEFAULTS.seed)
    .addOption(
      new Option(
        '--network <path>',
        'a network that was trained elsewhere: a folder with model.json, .keras or .h5',
      ).conflicts(['architecture', 'window', 'latent', 'epochs', 'seed']),
    )
    .option('--model-path <dir>', 'folder of models (MODEL_PATH, default ./data/models)')
    .option('--config <file>', 'settings file (CONFIG_FILE)')
    .addHelpText('after', HELP)
    .action(async (_options: unknown, command: Command) => train(terminal, command.optsWithGlobals<TrainOptions>()));
}

async function train(terminal: Terminal, options: TrainOptions): Promise<void> {
  const settings = await settingsFor(terminal, options.config);
  // A file that is not there is told before the data are read.
  const files = options.network === undefined ? undefined : await networkFilesFrom(options.network);
  const collected = await collect(terminal, options);
  if (collected.skipped > 0)
    printNote(terminal, `${formatCount(collected.skipped)} rows passed over: no numbers, or not in order of time`);

  const startedMs = performance.now();
  const work =
    files === undefined
      ? learn(terminal, options, settings.tfjsBackend, collected)
      : calibrate(terminal, files, collected);
  const { bytes, errors } = await work.catch((error: unknown) => {
    if (terminal.signal.aborted)
      throw new CommandFailure(ExitCode.failed, 'stopped before the training was done', error);
    throw error;
  });

  const artifact = decodeArtifact(bytes);
  const folder = join(options.modelPath ?? settings.modelPath, options.profile, artifact.version.slice(0, 12));
  makeFolder(folder);
  const model = join(folder, `${options.profile}${MODEL_SUFFIX}`);
  await writeFile(model, bytes);
  const report = trainingReport(options.profile, artifact, errors);
  const page = await writeTrainingReport(folder, report);
  if (options.json === true) {
    // The many errors are in the report's file.
    printJson(terminal, { ...report, errors: undefined, model, report: page });
    return;
  }
  printLine(terminal, summary(artifact, performance.now() - startedMs));
  const { channels, errors: usual } = artifact.header;
  const lost = files === undefined ? [] : channels.filter((_, c) => usual.spread[c]! >= 1);
  if (lost.length > 0) {
    printNote(
      terminal,
      `It restores ${lost.map(printable).join(', ')} no better than the mean would: are the channels in the order of its inputs, and did it ` +
        'learn values in standard deviations?',
    );
  }
  printLine(terminal, `Model   ${model}`);
  printLine(terminal, `Report  ${page}`);
  printLine(terminal, `\nTry it: redshank backtest --data DIR --out DIR --compare standard ${model}`);
  printLine(terminal, `Use it: redshank models import ${options.profile} ${model} --promote`);
}

async function learn(
  terminal: Terminal,
  options: TrainOptions,
  backend: BackendName | 'auto',
  collected: SeriesCollector,
): Promise<TrainingResult> {
  const progress = startProgress(terminal, 'train', options.epochs);
  const onEpoch = ({ epoch, loss, validationLoss }: EpochReport): void =>
    progress.update(epoch, `loss ${formatValue(loss)}, validation ${formatValue(validationLoss)}`);
  const { architecture, window: steps, latent, epochs, seed } = options;
  try {
    return await trainInThread(
      {
        series: collected.series(),
        backend,
        isGentle: false,
        options: {
          architecture,
          channels: collected.channels,
          steps,
          latent,
          epochs,
          seed,
          codeVersion: packageVersion(),
        },
      },
      onEpoch,
      terminal.signal,
    );
  } finally {
    progress.stop();
  }
}

async function calibrate(
  { signal }: Terminal,
  files: NetworkFiles,
  collected: SeriesCollector,
): Promise<TrainingResult> {
  const options = { channels: collected.channels, codeVersion: packageVersion() };
  return calibrateInThread({ files, series: collected.series(), options }, signal);
}

function summary({ header: { channels, training } }: Artifact, tookMs: number): string {
  const windows = `${formatCount(training.windows)} windows of ${formatCount(channels.length)} channels`;
  if (training.epochs === 0)
    return `The network as it was, its errors measured on ${windows}: ${channels.map(printable).join(', ')}`;
  const best = Math.min(...training.validationLoss);
  return (
    `${windows}, ${training.epochs} passes in ${formatDuration(tookMs)} on ${training.backend}: ` +
    `validation error ${formatValue(best)} of 1 (pass ${training.validationLoss.indexOf(best) + 1})`
  );
}

async function collect(terminal: Terminal, options: TrainOptions): Promise<SeriesCollector> {
  const { from, device, channels } = options;
  if ((from === undefined) === (device === undefined)) {
    throw new CommandFailure(ExitCode.usage, 'say what to learn from: either --from FILES or --device IDS');
  }
  if (from !== undefined) {
    return seriesFromFiles(from, {
      channelColumns: channels,
      timeColumn: options.time,
      deviceColumn: options.deviceColumn,
    });
  }
  const progress = startProgress(terminal, 'read', 0);
  const sinceMs = options.since ?? since('30d');
  try {
    const client = clientFor(terminal, options);
    return await seriesFromServer(client, device!, sinceMs, channels, (rows) =>
      progress.update(0, `${formatCount(rows)} rows`),
    );
  } finally {
    progress.stop();
  }
}

function within(field: keyof typeof TRAINING_LIMITS): (text: string) => number {
  const { minimum, maximum } = TRAINING_LIMITS[field];
  return wholeNumber(minimum, maximum);
}

function profileName(text: string): string {
  if (isProfileName(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 63 lower-case letters, digits or -.');
}
