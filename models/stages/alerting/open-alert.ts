/** An alert that is not resolved, as the stage works on it: changed in place by every score, made an `Alert` when it is told. */
import { createHash } from 'node:crypto';
import type { Alert, AlertHistoryEntry, AlertStatus, Severity } from '../../domain/alert.js';
import { deviceOf, tenantOf, type DeviceKey } from '../../domain/identity.js';
import { reasonWords } from '../../domain/reasons.js';
import type { ScoreBatch } from '../../domain/score-batch.js';
import { excessOf, isMoreSevere, severityOf } from './severity.js';

const MAX_HISTORY = 50;
/** Channels and reasons kept of the peak: what a person reads. */
const MAX_CHANNELS = 10;
const MAX_REASONS = 10;
/**
 * A peak that has risen so far is told at once, a smaller rise with the next of every ten strange scores: a device that drifts
 * away makes every score the strangest so far, and its alert would be written as often as its scores.
 */
const TELLING_RISE = 0.01;
const TELLING_EVERY = 10;

/** Plain data: what JSON gives back is what it was given. No field is ever absent, so that the order of fields never changes. */
export interface OpenAlert {
  readonly id: string;
  status: Exclude<AlertStatus, 'resolved'>;
  severity: Severity;
  readonly startedMs: number;
  readonly raisedMs: number;
  lastStrangeMs: number;
  /** Strange scores of this episode, those before it was raised too. */
  strangeCount: number;
  /** Calm scores in a row, up to now. */
  calmRun: number;
  peakScore: number;
  /** Largest excess over the threshold in force at its time, 0 to 1. */
  peakExcess: number;
  channels: Alert['channels'];
  reasons: readonly string[];
  readonly profile: string;
  readonly model: string;
  feedback: 'anomaly' | 'normal' | null;
  history: readonly AlertHistoryEntry[];
  /** The peak that was told last. */
  toldScore: number;
}

/** What a strange score is for an alert, beside being part of it. */
export type Worsening = 'none' | 'worsened' | 'escalated';

/**
 * Raised by record `i` of `batch`.
 *
 * @param startedMs event time of the first strange score of the episode.
 * @param ordinal counts the alerts of the device, from 1: two that start alike have different ids.
 */
export function openAlert(
  key: DeviceKey,
  batch: ScoreBatch,
  i: number,
  startedMs: number,
  strangeCount: number,
  ordinal: number,
): OpenAlert {
  const raisedMs = batch.timeMs.data[i]!;
  const alert: OpenAlert = {
    id: alertId(key, startedMs, ordinal),
    status: 'open',
    severity: 'info',
    startedMs,
    raisedMs,
    lastStrangeMs: raisedMs,
    strangeCount: strangeCount - 1,
    calmRun: 0,
    peakScore: -1,
    peakExcess: 0,
    channels: [],
    reasons: [],
    profile: batch.profileName(i),
    model: batch.modelVersion(i),
    feedback: null,
    history: [{ atMs: raisedMs, change: 'raised' }],
    toldScore: -1,
  };
  addStrangeScore(alert, batch, i);
  return alert;
}

/** Takes in strange record `i`, and says whether that is worth telling. An alert never becomes less severe. */
export function addStrangeScore(alert: OpenAlert, batch: ScoreBatch, i: number): Worsening {
  // A silence says what it says without numbers, too: then it counts as the strongest score.
  const score = numberOr(batch.score.data[i]!, 1);
  alert.lastStrangeMs = batch.timeMs.data[i]!;
  alert.strangeCount++;
  alert.calmRun = 0;
  alert.peakExcess = Math.max(alert.peakExcess, excessOf(score, numberOr(batch.threshold.data[i]!, 0)));
  if (score > alert.peakScore) {
    alert.peakScore = score;
    alert.channels = strongestChannels(batch, i);
    alert.reasons = reasonWords(batch, i).slice(0, MAX_REASONS);
  }
  const severity = severityOf(alert.peakExcess, alert.strangeCount);
  if (isMoreSevere(severity, alert.severity)) {
    alert.severity = severity;
    return 'escalated';
  }
  const rise = alert.peakScore - alert.toldScore;
  return rise >= TELLING_RISE || (rise > 0 && alert.strangeCount % TELLING_EVERY === 0) ? 'worsened' : 'none';
}

export function withEntry(history: readonly AlertHistoryEntry[], entry: AlertHistoryEntry): AlertHistoryEntry[] {
  return [...history, entry].slice(-MAX_HISTORY);
}

/**
 * What the world is told of it, and from then on knows. With `resolvedMs`, as a resolved alert.
 *
 * @param changedMs Unix ms, arrival of the record that is the reason to tell.
 */
export function asAlert(key: DeviceKey, alert: OpenAlert, changedMs: number, resolvedMs?: number): Alert {
  alert.toldScore = alert.peakScore;
  return {
    id: alert.id,
    tenant: tenantOf(key),
    device: deviceOf(key),
    status: resolvedMs === undefined ? alert.status : 'resolved',
    severity: alert.severity,
    startedMs: alert.startedMs,
    raisedMs: alert.raisedMs,
    lastStrangeMs: alert.lastStrangeMs,
    ...(resolvedMs !== undefined && { resolvedMs }),
    changedMs,
    peakScore: readable(alert.peakScore),
    channels: alert.channels,
    reasons: alert.reasons,
    profile: alert.profile,
    model: alert.model,
    ...(alert.feedback !== null && { feedback: alert.feedback }),
    history: alert.history,
  };
}

/** The same wherever and whenever the log is replayed. */
function alertId(key: DeviceKey, startedMs: number, ordinal: number): string {
  // A line break is in no tenant or device id, so no two alerts hash the same text.
  const text = [tenantOf(key), deviceOf(key), startedMs, ordinal].join('\n');
  return `al_${createHash('sha256').update(text).digest('hex').slice(0, 20)}`;
}

function strongestChannels(batch: ScoreBatch, i: number): Alert['channels'] {
  const start = batch.start(i);
  return batch
    .channels(i)
    .map((channel, c) => ({ channel, contribution: readable(batch.contribution.data[start + c]!) }))
    .filter(({ contribution }) => contribution > 0)
    .sort((a, b) => b.contribution - a.contribution)
    .slice(0, MAX_CHANNELS);
}

/** A float32 has seven digits: 0.93, not 0.9300000071525574. */
const readable = (value: number): number => Number(value.toPrecision(7));
const numberOr = (value: number, otherwise: number): number => (Number.isNaN(value) ? otherwise : value);
