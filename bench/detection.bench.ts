/**
 * How good the default profile is, cold, one configuration for everything: on the labelled data sets of a folder
 * (`DETECTION_DATA`, default `../shared/data` beside the project), on simulated streams of a new seed, and at what cost a row.
 *
 * NAB has 55 windows or so, and a figure of it moves by points when a series begins a row later: it is the mean over series
 * without their first 0, 1, 2 and 3 rows, and is told without each category of series in turn, too.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findSeries, type Series } from '../cli/backtest/catalogue.js';
import { estimate } from '../cli/backtest/estimate.js';
import { judge, readJudged, type DataSetJudgement } from '../cli/backtest/judgement.js';
import { readResult } from '../cli/backtest/result-file.js';
import { resultPath, scoreVariants, type Variant } from '../cli/backtest/variants.js';
import { processTerminal } from '../cli/terminal/terminal.js';
import { countAlerts, noAlerts } from '../models/evaluation/alert-counts.js';
import type { Figure } from '../models/evaluation/data-set-figures.js';
import { NAB_PROFILES, nabScore, type NabProfile } from '../models/evaluation/nab-score.js';
import { completeProfile, DEFAULT_PROFILE } from '../models/profiles/profile.js';
import { labelledDataSet } from '../models/simulator/labelled-data-set.js';
import { randomFaults } from '../models/simulator/random-faults.js';
import { COST_AIMS, DETECTION_AIMS, FALSE_ALARM_AIM, type Aim } from './detection-targets.js';
import type { Report } from './measurement.js';

const NAB = 'NAB';
const NAB_PROFILE_NAMES = Object.keys(NAB_PROFILES) as NabProfile[];
const MOST_DROPPED_ROWS = 3;
const WEEK_MS = 604_800_000;
const SIMULATED = { devices: 24, intervalMs: 300_000, startMs: Date.UTC(2026, 0, 5), weeks: 2, faultEvery: 40 };
const ANOMALY_FREE = [
  { dataset: 'SKAB', name: 'anomaly-free/anomaly-free' },
  { dataset: 'TEP', name: 'd00' },
];
/** Doors open and loads start for the first time in the first weeks; then a device knows them. */
const CALM = { weeks: 8, learning: 3 };

export async function detectionBenchmark(report: Report): Promise<void> {
  for (const [channels, aim] of COST_AIMS) {
    const { scoringMicros, stateBytes } = estimate(undefined, channels);
    report({
      name: `detection: cost a row, ${channels} channels`,
      value: scoringMicros,
      unit: 'µs',
      isCost: true,
      ...aim,
    });
    report({ name: `detection: state a device, ${channels} channels`, value: stateBytes / 1_000, unit: 'KB' });
  }
  const folder = await mkdtemp(join(tmpdir(), 'redshank-bench-'));
  try {
    await measureSimulated(folder, report);
    await measureRecorded(folder, report);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureRecorded(folder: string, report: Report): Promise<void> {
  const project = fileURLToPath(new URL('..', import.meta.url));
  const dataDir = resolve(project, process.env['DETECTION_DATA'] ?? '../shared/data');
  if (!existsSync(dataDir)) {
    console.error(`Skipped: there are no labelled data sets in ${dataDir}. Set DETECTION_DATA to their folder.`);
    return;
  }
  const series = await findSeries(dataDir, undefined);
  const whole: Variant = { name: '', profile: undefined, outDir: join(folder, 'dropped-0') };
  const later = Array.from({ length: MOST_DROPPED_ROWS }, (_, k): Variant => {
    const dropRows = k + 1;
    return { name: `from row ${dropRows}`, profile: undefined, outDir: join(folder, `dropped-${dropRows}`), dropRows };
  });
  const nab = series.filter(({ dataset }) => dataset === NAB);
  const judgements = (await scored(dataDir, series, [whole])).flat();
  await reportAnomalyFree(series, whole, report);
  const shifted = nab.length === 0 ? [] : await scored(dataDir, nab, later);
  for (const judgement of judgements) {
    const { dataset } = judgement;
    const figures = dataset === NAB ? meanFigures([judgement, ...shifted.flat()]) : judgement.figures;
    reportFigures(report, dataset, figures);
  }
  if (nab.length > 0) await reportWithoutCategories(dataDir, nab, [whole, ...later], report);
}

/** Recorded series in which nothing happened. */
async function reportAnomalyFree(series: readonly Series[], variant: Variant, report: Report): Promise<void> {
  for (const { dataset, name } of ANOMALY_FREE) {
    const ones = series.filter((one) => one.dataset === dataset && one.name === name);
    for (const one of ones) {
      const { alert } = await readResult(resultPath(variant.outDir, one));
      report({
        name: `detection: alerts in ${alert.length} ordinary rows of ${dataset} ${name}`,
        value: alerts([alert]),
        unit: '',
        isCost: true,
      });
    }
  }
}

/** Judgements by variant. @throws Error when a series cannot be scored. */
async function scored(
  dataDir: string,
  series: readonly Series[],
  variants: readonly Variant[],
): Promise<DataSetJudgement[][]> {
  const scoring = await scoreVariants(processTerminal(new AbortController().signal), series, variants, {
    threads: availableParallelism(),
    isWarm: false,
    withPictures: false,
  });
  const [failure] = scoring.failed;
  if (failure !== undefined) throw new Error(`${failure.id}: ${failure.reason}`);
  const judged: DataSetJudgement[][] = [];
  for (const variant of variants) judged.push(await judge(dataDir, series, variant, scoring));
  return judged;
}

function reportFigures(report: Report, dataset: string, figures: readonly Figure[]): void {
  for (const { key, label, value, isCost } of figures) {
    const aim: Aim | undefined =
      DETECTION_AIMS[dataset]?.[key] ?? (key === 'falseAlarms' ? FALSE_ALARM_AIM : undefined);
    const name = label.startsWith(dataset) ? label : `${dataset} ${label}`;
    report({ name: `detection: ${name}`, value, unit: '', isCost, ...aim });
  }
}

function meanFigures(judgements: readonly DataSetJudgement[]): Figure[] {
  const [first, ...others] = judgements.map(({ figures }) => figures);
  return first!.map((figure) => {
    const values = others.map((figures) => figures.find(({ key }) => key === figure.key)!.value);
    return { ...figure, value: mean([figure.value, ...values]) };
  });
}

async function reportWithoutCategories(
  dataDir: string,
  nab: readonly Series[],
  variants: readonly Variant[],
  report: Report,
): Promise<void> {
  const judged = [];
  for (const variant of variants) judged.push((await readJudged(dataDir, NAB, nab, variant)).judged);
  const categories = [...new Set(nab.map(({ name }) => dirname(name)))].sort();
  for (const category of categories) {
    const scores = judged.map((series) => nabScore(series.filter(({ name }) => dirname(name) !== category)));
    for (const profile of NAB_PROFILE_NAMES) {
      const value = mean(scores.map((score) => score[profile]));
      report({ name: `detection: NAB ${profile} without ${category}`, value, unit: '' });
    }
  }
}

/** Streams that nobody has tuned anything to: unless one is given, the seed is the time. With faults, and without any. */
async function measureSimulated(folder: string, report: Report): Promise<void> {
  const { devices, intervalMs, startMs, weeks, faultEvery } = SIMULATED;
  const seed = Number(process.env['DETECTION_SEED'] ?? Date.now() % 4_294_967_296);
  console.error(`Simulated streams: DETECTION_SEED=${seed} makes the same again.`);
  const dataDir = join(folder, 'simulated');
  const fleet = { seed, devices, intervalMs, startMs, endMs: startMs + weeks * WEEK_MS };
  const everyMs = faultEvery * intervalMs;
  const calm = labelledDataSet({ ...fleet, endMs: startMs + CALM.weeks * WEEK_MS, name: 'CALM', faults: () => [] });
  const faulty = labelledDataSet({
    ...fleet,
    name: 'SIMULATED',
    faults: (fleetDevices) =>
      randomFaults({ seed, devices: fleetDevices, intervalMs, startMs: startMs + WEEK_MS / 7, everyMs }),
  });
  for (const { files, labels } of [calm, faulty]) {
    const root = join(dataDir, labels.dataset);
    await mkdir(root, { recursive: true });
    for (const { path, text } of files) await writeFile(join(root, path), text);
    await writeFile(join(root, 'labels.json'), JSON.stringify(labels));
  }
  const variant: Variant = { name: '', profile: undefined, outDir: join(folder, 'simulated-results') };
  const series = await findSeries(dataDir, undefined);
  const [judgements] = await scored(dataDir, series, [variant]);
  const figures = judgements!.find(({ dataset }) => dataset === 'SIMULATED')!.figures;
  reportFigures(report, 'simulated', figures);

  const calmSeries = series.filter(({ dataset }) => dataset === 'CALM');
  const { judged } = await readJudged(dataDir, 'CALM', calmSeries, variant);
  const learned = Math.round((CALM.learning * WEEK_MS) / intervalMs);
  const promised = completeProfile(DEFAULT_PROFILE, {}).detection.falseAlarmsPerWeek;
  const perWeek = (parts: readonly Uint8Array[], weeks: number): number => alerts(parts) / (parts.length * weeks);
  report({
    name: `detection: alerts a calm device-week, first ${CALM.learning} weeks`,
    value: perWeek(
      judged.map(({ alert }) => alert.subarray(0, learned)),
      CALM.learning,
    ),
    unit: '',
    isCost: true,
  });
  report({
    name: `detection: alerts a calm device-week, then; ${promised} promised`,
    value: perWeek(
      judged.map(({ alert }) => alert.subarray(learned)),
      CALM.weeks - CALM.learning,
    ),
    unit: '',
    target: 2 * promised,
    isCost: true,
  });
}

function alerts(columns: readonly Uint8Array[]): number {
  const counts = noAlerts();
  for (const alert of columns) countAlerts(counts, alert, 1, []);
  return counts.episodes;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
