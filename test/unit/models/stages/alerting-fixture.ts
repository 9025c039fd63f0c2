/** Scores as short lines, for tests of alerting. */
import { AlertBatch, type AlertRecord, type ChangedAlert } from '../../../../models/domain/alert.js';
import { OUTCOMES, OutcomeCode, type Outcome } from '../../../../models/domain/outcome.js';
import { ReasonCode } from '../../../../models/domain/reasons.js';
import { Phase, ScoreBatch, ScoreFlag, ScoreKind } from '../../../../models/domain/score-batch.js';
import type { AlertingProfile } from '../../../../models/profiles/alerting-profile.js';
import { alertingStage, type AlertingState } from '../../../../models/stages/alerting.js';

export interface ScoreLine {
  /** Tenant and device. Default `default/pump-7`. */
  readonly key?: string;
  readonly at: number;
  /** Over a threshold of 0.5 it is strange. */
  readonly score?: number;
  readonly isWarming?: boolean;
  readonly outcome?: Outcome;
  readonly kind?: 'score' | 'refused' | 'silence' | 'command';
  /** Contributions by channel. Default: all is `temp`'s. */
  readonly channels?: Readonly<Record<string, number>>;
  readonly profile?: string;
  readonly command?: unknown;
}

export const THRESHOLD = 0.5;
export const DEVICE = 'default/pump-7';

export function scoreBatch(lines: readonly ScoreLine[]): ScoreBatch {
  const batch = ScoreBatch.create();
  for (const line of lines) addLine(batch, line);
  return batch;
}

export function play(
  lines: readonly ScoreLine[],
  state: AlertingState = alertingStage.createState(),
): readonly ChangedAlert[] {
  const batch = scoreBatch(lines);
  const out = AlertBatch.create();
  for (let i = 0; i < batch.length; i++) alertingStage.step(state, batch, i, out);
  return out.changes;
}

/** One line a second from `fromSec` on. */
export function scores(fromSec: number, ...values: readonly number[]): ScoreLine[] {
  return values.map((score, i) => ({ at: (fromSec + i) * 1_000, score }));
}

export function calm(fromSec: number, count: number): ScoreLine[] {
  return scores(fromSec, ...new Array<number>(count).fill(0.1));
}

export function activate(alerting: Partial<AlertingProfile>, name = 'standard'): ScoreLine {
  const command = { type: 'profile.activate', by: 'ops', profile: name, version: '', definition: { alerting } };
  return { key: '', at: 0, kind: 'command', command };
}

export function changes(records: readonly AlertRecord[]): string[] {
  return records.map(({ change }) => change);
}

function addLine(batch: ScoreBatch, line: ScoreLine): void {
  const { key = DEVICE, at, kind = 'score', channels = { temp: 1 }, profile = 'standard' } = line;
  if (kind === 'command') {
    batch.addCommand(key, at, at, typeof line.command === 'string' ? line.command : JSON.stringify(line.command));
    return;
  }
  const outcome = OUTCOMES.indexOf(line.outcome ?? (kind === 'refused' ? 'late' : 'scored'));
  const start = batch.add(ScoreKind[kind], outcome, key, at, at, profile, 'model-1', Object.keys(channels));
  if (kind === 'refused') return;
  const row = batch.length - 1;
  const isReady = line.isWarming !== true;
  const score = line.score ?? 1;
  batch.score.data[row] = score;
  batch.threshold.data[row] = THRESHOLD;
  batch.phase.data[row] = isReady ? Phase.ready : Phase.warming;
  batch.flags.data[row] = isReady && score >= THRESHOLD ? ScoreFlag.anomaly : 0;
  batch.contribution.data.set(Object.values(channels), start);
  if (kind === 'silence') batch.addReason(ReasonCode.silence, 0, 12_000, 1_000);
  else if (outcome === OutcomeCode.scored && score >= THRESHOLD) batch.addReason(ReasonCode.flat, 0, 40, 0);
}
