import { Counter, Histogram, type Registry } from 'prom-client';
import { OUTCOMES, type Outcome } from '../../models/domain/outcome.js';
import { ScoreFlag, ScoreKind, type ScoreBatch } from '../../models/domain/score-batch.js';

export interface ScorerMetrics {
  readonly outcomes: Counter<'outcome'>;
  readonly anomalies: Counter;
  readonly latency: Histogram;
}

export function createScorerMetrics(registry: Registry): ScorerMetrics {
  const registers = [registry];
  return {
    outcomes: new Counter({
      name: 'redshank_readings_total',
      help: 'Readings by what became of them',
      labelNames: ['outcome'],
      registers,
    }),
    anomalies: new Counter({
      name: 'redshank_anomalous_scores_total',
      help: 'Scores at or over the threshold',
      registers,
    }),
    latency: new Histogram({
      name: 'redshank_score_latency_seconds',
      help: 'From the arrival of the newest reading of a batch to its committed score',
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5, 30],
      registers,
    }),
  };
}

/** @param nowMs wall clock, to be compared with arrival times */
export function countOutcomes(metrics: ScorerMetrics, batch: ScoreBatch, nowMs: number): void {
  const counts = new Uint32Array(OUTCOMES.length);
  let anomalies = 0;
  let newestMs = 0;
  for (let i = 0; i < batch.length; i++) {
    const kind = batch.kind.data[i]!;
    if (kind === ScoreKind.command) continue;
    if (kind !== ScoreKind.silence) counts[batch.outcome.data[i]!]!++;
    if ((batch.flags.data[i]! & ScoreFlag.anomaly) !== 0) anomalies++;
    newestMs = Math.max(newestMs, batch.receivedMs.data[i]!);
  }
  counts.forEach((count, code) => {
    if (count > 0) metrics.outcomes.inc({ outcome: OUTCOMES[code] as Outcome }, count);
  });
  if (anomalies > 0) metrics.anomalies.inc(anomalies);
  if (newestMs > 0) metrics.latency.observe(Math.max(0, nowMs - newestMs) / 1_000);
}
