/** The server's JSON as the command line reads it, and one line of words for each. Unknown members are left alone. */
import type { ScoreView } from '../../models/domain/score-view.js';
import { formatValue } from '../terminal/amounts.js';
import { printable, type Terminal } from '../terminal/terminal.js';

/** Data of the event `score`. */
export interface DeviceScore extends ScoreView {
  readonly device: string;
}

export interface AlertView {
  readonly id: string;
  readonly device: string;
  readonly status: string;
  readonly severity: string;
  readonly started: string;
  readonly raised: string;
  readonly lastStrange: string;
  readonly resolved?: string;
  readonly peakScore: number;
  readonly feedback?: 'anomaly' | 'normal';
  readonly reasons: readonly string[];
  readonly history: readonly { readonly at: string; readonly change: string }[];
}

/** Data of the event `alert`. */
export interface AlertChange {
  readonly change: string;
  readonly alert: AlertView;
}

export interface DeviceView {
  readonly device: string;
  readonly profile: string;
  readonly model: string;
  readonly phase: string;
  readonly progress: number;
  readonly channels: readonly string[];
  readonly lastSeen?: string;
  readonly lastReading?: string;
  readonly lastScore?: number;
  readonly threshold?: number;
  readonly isAnomaly: boolean;
  readonly isSilent: boolean;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly openAlerts: readonly string[];
}

/** `2026-01-01 00:00:00  pump-7  0.98  temp is 96, usually 70 to 74`. */
export function scoreLine({ colors }: Terminal, score: DeviceScore): string {
  const number = score.score === null ? score.outcome : score.score.toFixed(3);
  const words = score.reasons.length > 0 ? score.reasons.join('; ') : valuesOf(score);
  const text = `${clock(score.ts)}  ${printable(score.device)}  ${number.padEnd(9)} ${printable(words)}`;
  if (score.isAnomaly) return colors.red(text);
  return score.phase === 'warming' ? colors.dim(text) : text;
}

/** `2026-01-01 00:00:00  ALERT critical  pump-7  temp is 96, usually 70 to 74`. */
export function alertLine({ colors }: Terminal, { change, alert }: AlertChange): string {
  const isNews = change === 'raised' || change === 'escalated' || change === 'worsened';
  const label = isNews ? `${change === 'raised' ? 'ALERT' : 'WORSE'} ${alert.severity}` : change;
  const when = change === 'worsened' ? alert.lastStrange : (alert.history.at(-1)?.at ?? alert.raised);
  const text = `${clock(when)}  ${label.padEnd(14)}  ${printable(alert.device)}  ${printable(alert.reasons.join('; '))}`;
  if (!isNews) return colors.green(text);
  return alert.severity === 'critical' ? colors.bold(colors.red(text)) : colors.yellow(text);
}

/** RFC 3339 without `T`, zone and fraction: as short as a terminal likes. */
export function clock(time: string): string {
  return time.slice(0, 19).replace('T', ' ');
}

function valuesOf(score: ScoreView): string {
  return Object.entries(score.channels)
    .slice(0, 6)
    .map(([name, channel]) => `${name} ${formatValue(channel.actual)}`)
    .join('  ');
}
