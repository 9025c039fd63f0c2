/** A row of scores as people and programs outside see it: JSON without NaN, times as RFC 3339. */
import { outcomeOf, type Outcome } from './outcome.js';
import { reasonWords } from './reasons.js';
import { Phase, ScoreFlag, ScoreKind, type ScoreBatch } from './score-batch.js';
import { formatTimestamp } from './timestamp.js';

export interface ChannelView {
  /** In the channel's unit; null: no value. */
  readonly actual: number | null;
  /** What was expected and the usual band; null while unknown. */
  readonly expected: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  /** Share of the strangeness; 1 over all channels, or 0 for each where nothing is strange. */
  readonly contribution: number;
  /** True where the value was not measured at this time. */
  readonly imputed: boolean;
}

export interface ScoreView {
  /** RFC 3339, UTC. */
  readonly ts: string;
  /** Present for a silence of the device, which is no reading. */
  readonly kind?: 'silence';
  /** In [0, 1]; null where nothing was scored, then also `threshold` and `event`. */
  readonly score: number | null;
  readonly threshold: number | null;
  readonly isAnomaly: boolean;
  readonly phase: 'warming' | 'ready';
  readonly progress: number;
  readonly outcome: Outcome;
  /** Version of the profile's definition that scored. */
  readonly model: string;
  readonly event: number | null;
  readonly channels: Readonly<Record<string, ChannelView>>;
  readonly reasons: readonly string[];
}

/** Row `i` of a batch: a score, refused reading or silence. Commands are no rows for people: leave them out. */
export function scoreView(batch: ScoreBatch, i: number): ScoreView {
  const channels: Record<string, ChannelView> = {};
  const names = batch.channels(i);
  const start = batch.start(i);
  for (let c = 0; c < names.length; c++) {
    channels[names[c]!] = {
      actual: finite(batch.actual.data[start + c]!),
      expected: short(batch.expected.data[start + c]!),
      lower: short(batch.lower.data[start + c]!),
      upper: short(batch.upper.data[start + c]!),
      contribution: short(batch.contribution.data[start + c]!) ?? 0,
      imputed: batch.imputed.data[start + c] === 1,
    };
  }
  return {
    ts: formatTimestamp(batch.timeMs.data[i]!),
    ...(batch.kind.data[i] === ScoreKind.silence ? { kind: 'silence' as const } : {}),
    score: short(batch.score.data[i]!),
    threshold: short(batch.threshold.data[i]!),
    isAnomaly: (batch.flags.data[i]! & ScoreFlag.anomaly) !== 0,
    phase: batch.phase.data[i] === Phase.ready ? 'ready' : 'warming',
    progress: short(batch.progress.data[i]!) ?? 0,
    outcome: outcomeOf(batch.outcome.data[i]!),
    model: batch.modelVersion(i),
    event: short(batch.event.data[i]!),
    channels,
    reasons: reasonWords(batch, i),
  };
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Columns of 32-bit floats carry about seven digits; more would be noise that looks like knowledge. */
const short = (value: number): number | null => (Number.isFinite(value) ? Number(value.toPrecision(7)) : null);
