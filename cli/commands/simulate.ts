import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { formatTimestamp } from '../../models/domain/timestamp.js';
import { FAULT_KINDS, type Fault, type FaultKind, type FaultTruth } from '../../models/simulator/fault.js';
import { createFleet } from '../../models/simulator/fleet.js';
import { labelledDataSet } from '../../models/simulator/labelled-data-set.js';
import { randomFaults } from '../../models/simulator/random-faults.js';
import type { SimulatedDevice } from '../../models/simulator/simulated-reading.js';
import { makeFolder } from '../../storage/make-folder.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { feedFleet } from '../simulation/feed.js';
import { clientFor, nameList, positiveNumber, wholeNumber, type GlobalOptions } from '../options.js';
import { formatCount, formatDuration } from '../terminal/amounts.js';
import { startProgress } from '../terminal/progress.js';
import { printJson, printLine, type Terminal } from '../terminal/terminal.js';

interface SimulateOptions extends GlobalOptions {
  readonly devices: number;
  readonly seed: number;
  readonly interval: number;
  readonly speed: number;
  readonly duration?: number;
  readonly history: number;
  readonly faults: readonly FaultKind[];
  readonly faultEvery: number;
  readonly truth?: string;
  readonly out?: string;
  readonly name: string;
}

/** Where data sets begin: a Monday, the same for everybody, so that equal options make equal files. */
const DATA_SET_START_MS = Date.UTC(2026, 0, 5);
const DATA_SET_SEC = 3_600;

export function addSimulateCommand(program: Command, terminal: Terminal): void {
  program
    .command('simulate')
    .description('send a simulated fleet with faults to a running server, or write it as a labelled data set')
    .option('--devices <n>', 'how many', wholeNumber(1, 100_000), 24)
    .option('--seed <n>', 'the same seed makes the same fleet', wholeNumber(0, 4_294_967_295), 1)
    .option('--interval <sec>', 'between two readings of a device', positiveNumber(86_400), 1)
    .option('--speed <factor>', 'simulated seconds a second; needs --duration above 1', positiveNumber(1_000_000), 1)
    .option('--duration <sec>', 'simulated time to send; else until Ctrl-C (--out: 3600)', positiveNumber(31_536_000))
    .option(
      '--history <n>',
      'readings of the past a device to begin with, so that it is warm',
      wholeNumber(0, 100_000),
      300,
    )
    .option('--faults <kinds>', `none, all, or some of ${FAULT_KINDS.join(',')}`, faultKinds, FAULT_KINDS)
    .option('--fault-every <n>', 'sampling intervals between the beginnings of faults', wholeNumber(1, 1_000_000), 60)
    .option('--truth <file>', 'write which faults there were, as JSON')
    .option('--out <dir>', 'write a labelled data set there, and send nothing')
    .option('--name <name>', 'name of the data set', 'SIMULATED')
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<SimulateOptions>();
      if (options.out === undefined) await send(terminal, options);
      else await write(terminal, options, options.out);
    });
}

async function send(terminal: Terminal, options: SimulateOptions): Promise<void> {
  if (options.speed > 1 && options.duration === undefined) {
    throw new CommandFailure(ExitCode.usage, `--speed ${options.speed} needs --duration: it plays the past, up to now`);
  }
  const client = clientFor(terminal, options);
  await client.get('/health');
  const intervalMs = wholeMs(options.interval);
  const durationMs = (options.duration ?? Infinity) * 1_000;
  // Faster than time must begin in the past, so that it ends in the present and nothing is dated into the future.
  const nowMs = Date.now();
  const liveFromMs = options.speed > 1 ? Math.round(nowMs - durationMs * (1 - 1 / options.speed)) : nowMs;
  const fleet = createFleet({
    seed: options.seed,
    devices: options.devices,
    intervalMs,
    startMs: liveFromMs - options.history * intervalMs,
    faults: (devices) => plannedFaults(options, devices, intervalMs, liveFromMs),
  });
  const progress = startProgress(terminal, 'simulate', Number.isFinite(durationMs) ? durationMs : 0);
  const startedMs = performance.now();
  const totals = await feedFleet(fleet, client, {
    liveFromMs,
    untilMs: liveFromMs + durationMs,
    speed: options.speed,
    signal: terminal.signal,
    onProgress: (now, simulatedMs) => {
      const note = `${formatCount(now.accepted)} readings, ${fleet.truth.length} faults`;
      progress.update(Math.max(0, simulatedMs - liveFromMs), note);
    },
  }).finally(() => progress.stop());
  const begun = fleet.truth.filter(({ startMs }) => startMs <= liveFromMs + durationMs);
  if (options.truth !== undefined) await writeFile(options.truth, truthText(begun));
  const { accepted, invalid } = totals;
  const seconds = (performance.now() - startedMs) / 1_000;
  if (options.json === true) {
    printJson(terminal, { devices: options.devices, accepted, invalid, faults: begun.length, seconds });
  } else {
    const what = `${formatCount(accepted)} readings of ${formatCount(options.devices)} devices`;
    printLine(terminal, `${what} in ${formatDuration(seconds * 1_000)}, ${formatCount(begun.length)} faults`);
  }
  if (invalid > 0) throw new CommandFailure(ExitCode.partial, `${formatCount(invalid)} readings were refused`);
}

async function write(terminal: Terminal, options: SimulateOptions, folder: string): Promise<void> {
  const intervalMs = wholeMs(options.interval);
  const startMs = DATA_SET_START_MS;
  const endMs = startMs + wholeMs(options.duration ?? DATA_SET_SEC);
  const warmMs = startMs + Math.min(options.history * intervalMs, (endMs - startMs) / 2);
  const { files, labels } = labelledDataSet({
    name: options.name,
    seed: options.seed,
    devices: options.devices,
    intervalMs,
    startMs,
    endMs,
    faults: (devices) => plannedFaults(options, devices, intervalMs, Math.round(warmMs)),
  });
  const root = join(folder, options.name);
  makeFolder(root);
  for (const { path, text } of files) await writeFile(join(root, path), text);
  await writeFile(join(root, 'labels.json'), `${JSON.stringify(labels, undefined, 2)}\n`);
  const series = Object.values(labels.series);
  if (options.truth !== undefined) await writeFile(options.truth, truthText(series.flatMap(({ faults }) => faults)));
  const rows = series.reduce((sum, one) => sum + one.rows, 0);
  if (options.json === true) printJson(terminal, { dataset: root, series: series.length, rows });
  else printLine(terminal, `${formatCount(series.length)} series, ${formatCount(rows)} rows → ${root}`);
}

function plannedFaults(
  options: SimulateOptions,
  devices: readonly SimulatedDevice[],
  intervalMs: number,
  startMs: number,
): Iterable<Fault> {
  if (options.faults.length === 0) return [];
  const everyMs = options.faultEvery * intervalMs;
  return randomFaults({
    seed: options.seed,
    devices,
    intervalMs,
    startMs: startMs + everyMs,
    everyMs,
    kinds: options.faults,
  });
}

function truthText(truth: readonly FaultTruth[]): string {
  const entries = truth.map(({ device, channel, fault, startMs, endMs }) => ({
    device,
    channel,
    fault,
    start: formatTimestamp(startMs),
    end: formatTimestamp(endMs),
  }));
  return `${JSON.stringify(entries, undefined, 2)}\n`;
}

function faultKinds(text: string): readonly FaultKind[] {
  if (text === 'none') return [];
  if (text === 'all') return FAULT_KINDS;
  return nameList(text).map((name) => {
    const kind = FAULT_KINDS.find((known) => known === name);
    if (kind === undefined) throw new InvalidArgumentError(`They must be none, all, or of ${FAULT_KINDS.join(', ')}.`);
    return kind;
  });
}

function wholeMs(seconds: number): number {
  return Math.max(1, Math.round(seconds * 1_000));
}
