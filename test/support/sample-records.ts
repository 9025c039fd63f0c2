import type { Alert } from '../../models/domain/alert.js';
import { DEFAULT_TENANT, deviceKey } from '../../models/domain/identity.js';
import { Phase, ScoreBatch, ScoreFlag, ScoreKind } from '../../models/domain/score-batch.js';

export interface SampleRow {
  readonly timeMs: number;
  readonly values: Readonly<Record<string, number>>;
  /** Default 0.05. */
  readonly score?: number;
  /** `OutcomeCode`; default scored. */
  readonly outcome?: number;
}

const THRESHOLD = 0.6;

/** Scores of one device whose channels are expected at 20 ± 3. */
export function scoreRows(device: string, rows: readonly SampleRow[]): ScoreBatch {
  const batch = ScoreBatch.create();
  for (const { timeMs, values, score = 0.05, outcome = 0 } of rows) {
    const channels = Object.keys(values);
    const kind = outcome === 0 ? ScoreKind.score : ScoreKind.refused;
    const key = deviceKey(DEFAULT_TENANT, device);
    const start = batch.add(kind, outcome, key, timeMs, timeMs, 'standard', 'v1', channels);
    const row = batch.length - 1;
    if (outcome === 0) {
      batch.score.data[row] = score;
      batch.threshold.data[row] = THRESHOLD;
    }
    batch.phase.data[row] = Phase.ready;
    batch.progress.data[row] = 1;
    batch.flags.data[row] = score >= THRESHOLD ? ScoreFlag.anomaly : 0;
    channels.forEach((channel, c) => {
      batch.actual.data[start + c] = values[channel]!;
      batch.expected.data[start + c] = 20;
      batch.lower.data[start + c] = 17;
      batch.upper.data[start + c] = 23;
      batch.contribution.data[start + c] = score >= THRESHOLD && c === 0 ? 1 : 0;
    });
  }
  return batch;
}

export function sampleAlert(change: Partial<Alert> = {}): Alert {
  return {
    id: 'a1',
    tenant: DEFAULT_TENANT,
    device: 'pump-7',
    status: 'open',
    severity: 'critical',
    startedMs: 1_767_225_600_000,
    raisedMs: 1_767_225_600_000,
    changedMs: 1_767_225_600_000,
    lastStrangeMs: 1_767_225_600_000,
    peakScore: 0.97,
    channels: [{ channel: 'temp', contribution: 1 }],
    reasons: ['temp is 34.2, expected 17 to 23'],
    profile: 'standard',
    model: 'v1',
    history: [],
    ...change,
  };
}
