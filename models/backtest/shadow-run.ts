/** A recorded series through two versions of a profile, and where they differ. */
import { Phase } from '../domain/score-batch.js';
import type { LoadedModels } from '../neural/loaded-models.js';
import type { ProfileDefinition } from '../profiles/profile.js';
import { rankCorrelation } from '../statistics/rank-correlation.js';
import { SeriesRun } from './series-run.js';
import { ThinnedLine, type LinePoints } from './thinned-line.js';

export interface RecordedSeries {
  readonly device: string;
  readonly channels: readonly string[];
  /** Unix ms, ascending. */
  readonly timesMs: Float64Array;
  /** Row by row; NaN: no value. */
  readonly values: Float64Array;
}

/** What people said of the device's alerts. */
export interface JudgedSpan {
  readonly fromMs: number;
  readonly toMs: number;
  readonly verdict: 'anomaly' | 'normal';
}

/** First and last moment at which an alert was open, Unix ms. */
export type Episode = readonly [fromMs: number, toMs: number];

/** What one version made of a series. */
export interface VersionRun {
  readonly scores: Float64Array;
  /** 1 where the device was `ready`. */
  readonly isReady: Uint8Array;
  readonly anomalies: number;
  readonly episodes: readonly Episode[];
  /** Value: the score; companion: the threshold. */
  readonly line: LinePoints;
}

export interface ShadowComparison {
  /** Rows in which both versions were ready. */
  readonly rows: number;
  /** Spearman's ρ of the two scores over these rows; NaN where one of them is constant. */
  readonly rankAgreement: number;
  /** Alerts of each, those that overlap one of the other, and those that are its own. */
  readonly alerts: { readonly champion: number; readonly challenger: number; readonly both: number };
  /** Rows called anomalies. */
  readonly anomalies: { readonly champion: number; readonly challenger: number };
  /** Of spans that people judged, how many each has an alert in. */
  readonly confirmed: { readonly spans: number; readonly champion: number; readonly challenger: number };
  readonly rejected: { readonly spans: number; readonly champion: number; readonly challenger: number };
}

const STRETCHES = 200;

/** Scores a series as the services would have, from a cold start. */
export function runVersion(series: RecordedSeries, profile: ProfileDefinition, models: LoadedModels): VersionRun {
  const { channels, timesMs, values } = series;
  const rows = timesMs.length;
  const scores = new Float64Array(rows);
  const isReady = new Uint8Array(rows);
  const line = new ThinnedLine(STRETCHES, 1);
  let anomalies = 0;
  const run = new SeriesRun({
    device: series.device,
    channels,
    profile,
    models,
    watch: (row, batch, i) => {
      scores[row] = batch.score.data[i]!;
      isReady[row] = batch.phase.data[i] === Phase.ready ? 1 : 0;
      anomalies += batch.flags.data[i] === 0 ? 0 : 1;
      line.add(batch.timeMs.data[i]!, batch.score.data[i]!, [batch.threshold.data], i);
    },
  });
  const episodes: [number, number][] = [];
  let row = 0;
  let wasOpen = false;
  const take = (): void => {
    for (const { alert } of run.take()) {
      const timeMs = timesMs[row++]!;
      const isOpen = alert === 1;
      if (isOpen && !wasOpen) episodes.push([timeMs, timeMs]);
      else if (isOpen) episodes.at(-1)![1] = timeMs;
      wasOpen = isOpen;
    }
  };
  for (let i = 0; i < rows; i++) {
    run.add(timesMs[i]!, values.subarray(i * channels.length, (i + 1) * channels.length));
    if (i % 1_000 === 999) take();
  }
  run.finish();
  take();
  return { scores, isReady, anomalies, episodes, line: line.points() };
}

export function compareVersions(
  champion: VersionRun,
  challenger: VersionRun,
  judged: readonly JudgedSpan[],
): ShadowComparison {
  const rows = [...champion.isReady.keys()].filter(
    (row) => champion.isReady[row] === 1 && challenger.isReady[row] === 1,
  );
  const of = (version: VersionRun) => Float64Array.from(rows, (row) => version.scores[row]!);
  const found = (version: VersionRun, verdict: JudgedSpan['verdict']): number =>
    judged.filter(
      (span) => span.verdict === verdict && version.episodes.some((one) => overlap(one, [span.fromMs, span.toMs])),
    ).length;
  const judgement = (verdict: JudgedSpan['verdict']) => ({
    spans: judged.filter((span) => span.verdict === verdict).length,
    champion: found(champion, verdict),
    challenger: found(challenger, verdict),
  });
  return {
    rows: rows.length,
    rankAgreement: rankCorrelation(of(champion), of(challenger)),
    alerts: {
      champion: champion.episodes.length,
      challenger: challenger.episodes.length,
      both: champion.episodes.filter((one) => challenger.episodes.some((other) => overlap(one, other))).length,
    },
    anomalies: { champion: champion.anomalies, challenger: challenger.anomalies },
    confirmed: judgement('anomaly'),
    rejected: judgement('normal'),
  };
}

const overlap = (a: Episode, b: Episode): boolean => a[0] <= b[1] && b[0] <= a[1];
