/** What is kept of a device besides its rows, and how a row changes it. */
import { deviceOf, tenantOf, type DeviceKey } from '../../models/domain/identity.js';
import { OUTCOMES, OutcomeCode, outcomeOf, type Outcome } from '../../models/domain/outcome.js';
import { Phase, ScoreFlag, ScoreKind, type ScoreBatch } from '../../models/domain/score-batch.js';
import type { DeviceSummary } from './read-side.js';

/** As stored: JSON, so unknown numbers are null. */
export interface DeviceRecord {
  /** Names the device in keys of the history. */
  readonly number: number;
  profile: string;
  model: string;
  phase: 'warming' | 'ready';
  progress: number;
  channels: readonly string[];
  /** Null before the first row; absent in records of older releases. */
  firstSeenMs?: number | null;
  lastSeenMs: number;
  lastReadingMs: number | null;
  lastScore: number | null;
  threshold: number | null;
  isAnomaly: boolean;
  isSilent: boolean;
  readonly outcomes: Record<Outcome, number>;
}

export function newDeviceRecord(number: number): DeviceRecord {
  return {
    number,
    profile: '',
    model: '',
    phase: 'warming',
    progress: 0,
    channels: [],
    firstSeenMs: null,
    lastSeenMs: 0,
    lastReadingMs: null,
    lastScore: null,
    threshold: null,
    isAnomaly: false,
    isSilent: false,
    outcomes: Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>,
  };
}

export function copyOf(record: DeviceRecord): DeviceRecord {
  return { ...record, outcomes: { ...record.outcomes } };
}

/** Takes in record `i` of `batch`, which is no command. */
export function applyRow(record: DeviceRecord, batch: ScoreBatch, i: number): void {
  const kind = batch.kind.data[i]!;
  record.profile = batch.profileName(i);
  if (record.firstSeenMs === null) record.firstSeenMs = batch.receivedMs.data[i]!;
  if (kind === ScoreKind.silence) {
    record.isSilent = true;
    return;
  }
  const outcome = batch.outcome.data[i]!;
  record.outcomes[outcomeOf(outcome)]++;
  if (outcome !== OutcomeCode.filled) record.lastSeenMs = Math.max(record.lastSeenMs, batch.receivedMs.data[i]!);
  if (kind !== ScoreKind.score || outcome !== OutcomeCode.scored) return;
  record.model = batch.modelVersion(i);
  record.phase = batch.phase.data[i] === Phase.ready ? 'ready' : 'warming';
  record.progress = batch.progress.data[i]!;
  record.channels = batch.channels(i);
  record.lastReadingMs = Math.max(record.lastReadingMs ?? -Infinity, batch.timeMs.data[i]!);
  record.lastScore = numberOrNull(batch.score.data[i]!);
  record.threshold = numberOrNull(batch.threshold.data[i]!);
  record.isAnomaly = (batch.flags.data[i]! & ScoreFlag.anomaly) !== 0;
  record.isSilent = false;
}

export function summaryOf(key: DeviceKey, record: DeviceRecord, openAlerts: readonly string[]): DeviceSummary {
  const { profile, model, phase, progress, channels, lastSeenMs, isAnomaly, isSilent } = record;
  return {
    tenant: tenantOf(key),
    device: deviceOf(key),
    ...{ profile, model, phase, progress, channels, lastSeenMs },
    firstSeenMs: record.firstSeenMs ?? undefined,
    lastReadingMs: record.lastReadingMs ?? undefined,
    lastScore: record.lastScore ?? undefined,
    threshold: record.threshold ?? undefined,
    isAnomaly,
    isSilent,
    outcomes: { ...record.outcomes },
    openAlerts,
  };
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
