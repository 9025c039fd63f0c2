import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { recordingTerminal, run } from '../unit/cli/recording-terminal.js';
import { dataFolder, needsLabelledData, scorer } from '../support/labelled-data.js';
import { RedshankProcess } from '../support/redshank-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const SERIES = 'realKnownCause/machine_temperature_system_failure.csv';

interface Score {
  readonly ts: string;
  readonly outcome: string;
  readonly score: number | null;
  readonly channels: Readonly<
    Record<string, { lower: number | null; upper: number | null; expected: number | null; contribution: number }>
  >;
}

describe('on labelled real series', function () {
  this.timeout(600_000);
  const folder = temporaryFolder();
  before(function () {
    needsLabelledData(this);
  });

  it('gives every row of an ingested file an outcome, in order, and raises an alert inside a labelled window', async () => {
    const file = join(dataFolder, 'NAB', SERIES);
    const rows = readFileSync(file, 'utf8').trimEnd().split('\n').length - 1;
    const redshank = await RedshankProcess.start({ dataDir: folder() });
    try {
      const { exitCode } = await run(
        ['ingest', file, '--device', 'press-1', '--url', redshank.url],
        recordingTerminal(),
      );
      assert.equal(exitCode, 0);
      const { scores } = await get<{ scores: Score[] }>(redshank.url, '/v1/devices/press-1/scores?from=0&limit=100000');
      assert.equal(scores.length, rows);
      const times = scores.map(({ ts }) => Date.parse(ts));
      assert.deepEqual(
        times,
        [...times].sort((a, b) => a - b),
      );
      const scored = scores.filter(({ outcome }) => outcome === 'scored').slice(200);
      assert.ok(scored.length > rows * 0.98);
      for (const { ts, score, channels } of scored) {
        const { lower, expected, upper, contribution } = channels.value!;
        const isBand = lower !== null && expected !== null && upper !== null && lower <= expected && expected <= upper;
        assert.ok(isBand && contribution === 1 && score !== null && score >= 0 && score <= 1, ts);
      }

      const { alerts } = await get<{ alerts: { raised: string }[] }>(redshank.url, '/v1/alerts?limit=1000');
      const windows = labelledWindows();
      const isHit = alerts.some(({ raised }) =>
        windows.some(([from, to]) => Date.parse(raised) >= from && Date.parse(raised) <= to),
      );
      assert.ok(isHit, `none of ${alerts.length} alerts is inside a labelled window`);
    } finally {
      await redshank.stop();
    }
  });

  it('backtests whole data sets into files that an independent scorer accepts, and measures as it does', async () => {
    const out = folder();
    const datasets = ['--datasets', 'SKAB,UCR4,ASD,TEP,NAB'];
    const command = ['backtest', '--data', dataFolder, '--out', out, '--measures', '--json', ...datasets];
    const { exitCode, out: printed } = await run(command);
    assert.equal(exitCode, 0);
    const told = JSON.parse(printed) as { variants: [{ judgements: Judgement[] }] };
    // Ends with an error when a file is missing, has another number of rows, or other times than the data.
    const json = join(folder(), 'figures.json');
    await promisify(execFile)(process.execPath, [
      scorer,
      ...['--data', dataFolder, '--results', out, '--check-time', '--json', json, ...datasets],
    ]);
    const theirs = JSON.parse(readFileSync(json, 'utf8')) as Record<string, ScorerReport>;
    const { judgements } = told.variants[0];
    assert.deepEqual(
      judgements.map(({ dataset }) => dataset),
      ['ASD', 'NAB', 'SKAB', 'TEP', 'UCR4'],
    );
    for (const { dataset, figures, series } of judgements) {
      const expected = scorerFigures(theirs[dataset]!);
      for (const { key, value } of figures) near(value, expected[key], `${dataset} ${key}`);
      for (const { name, vusPr } of series) {
        if (vusPr !== undefined) near(vusPr, theirs[dataset]!.perSeries[`${name}.csv`]?.vusPR, `${dataset}/${name}`);
      }
    }
  });
});

interface Judgement {
  readonly dataset: string;
  readonly figures: readonly { readonly key: string; readonly value: number }[];
  readonly series: readonly { readonly name: string; readonly vusPr?: number }[];
}

/** What the scorer writes, as far as it is compared. */
interface ScorerReport {
  readonly nab?: Readonly<Record<string, { readonly score: number }>>;
  readonly macro: { readonly vusPR: number };
  readonly perSeries: Readonly<Record<string, { readonly vusPR: number }>>;
  readonly events: { readonly budgets: Readonly<Record<string, { readonly recall: number } | null>> };
  readonly eventsAtAlerts: { readonly recall: number; readonly falseAlarmsPer10k: number };
  readonly skab?: { readonly F1: number; readonly FAR: number; readonly MAR: number };
  readonly tep?: { readonly meanFDRnoHard: number };
}

function scorerFigures(report: ScorerReport): Readonly<Record<string, number | undefined>> {
  const { nab, macro, events, eventsAtAlerts, skab, tep } = report;
  const recall = (budget: number): number => events.budgets[budget]?.recall ?? 0;
  return {
    nabStandard: nab?.['standard']?.score,
    nabLowFp: nab?.['reward_low_FP_rate']?.score,
    nabLowFn: nab?.['reward_low_FN_rate']?.score,
    vusPr: macro.vusPR,
    recallAt1: recall(1),
    recallAt5: recall(5),
    recallAt10: recall(10),
    skabF1: skab?.F1,
    skabFar: skab?.FAR,
    skabMar: skab?.MAR,
    faultDetectionRate: tep?.meanFDRnoHard,
    alertRecall: eventsAtAlerts.recall,
    falseAlarms: eventsAtAlerts.falseAlarmsPer10k,
  };
}

function near(actual: number, expected: number | undefined, what: string): void {
  assert.ok(expected !== undefined && Math.abs(actual - expected) < 1e-9, `${what}: ${actual}, not ${expected}`);
}

async function get<T>(url: string, path: string): Promise<T> {
  const answer = await fetch(url + path);
  assert.equal(answer.status, 200);
  return (await answer.json()) as T;
}

function labelledWindows(): [from: number, to: number][] {
  const labels = JSON.parse(readFileSync(join(dataFolder, 'NAB/labels.json'), 'utf8')) as {
    series: Record<string, { windows: [string, string][] }>;
  };
  return labels.series[SERIES]!.windows.map(([from, to]) => [Date.parse(`${from}Z`), Date.parse(`${to}Z`)]);
}
