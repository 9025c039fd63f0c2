/** What people do to alerts. Each does its work once: repeated, or for an alert that is unknown, it changes nothing. */
import type { AlertBatch, AlertChange, AlertHistoryEntry } from '../../domain/alert.js';
import { parseCommand } from '../../domain/command.js';
import type { DeviceKey } from '../../domain/identity.js';
import { deviceKey, deviceOf, tenantOf } from '../../domain/identity.js';
import type { AlertingState, DeviceAlerts } from './alerting-state.js';
import { asAlert, withEntry, type OpenAlert } from './open-alert.js';

/** What is kept of a name and a note, in characters: alerts are bounded whatever the log says. */
const MAX_BY = 128;
const MAX_NOTE = 1_000;

/** Words of a command that this release does not know are left alone: the log may be written by a newer one. */
interface AlertCommand {
  readonly type: string;
  readonly alertId: string;
  readonly verdict?: unknown;
  readonly by?: unknown;
  readonly note?: unknown;
}

export interface RecordTimes {
  /** Unix ms, event time; of a command, when it was asked. */
  readonly timeMs: number;
  /** Unix ms, arrival time. */
  readonly receivedMs: number;
}

/** @param text JSON of a command; anything else is passed over, since a log must always be readable to its end. */
export function applyCommand(
  state: AlertingState,
  key: DeviceKey,
  at: RecordTimes,
  text: string,
  out: AlertBatch,
): void {
  const command = parseCommand(text);
  if (command === undefined) return;
  state.silences.apply(command, at.receivedMs);
  if (command.type === 'profile.activate') state.profiles.apply(command);
  else if (command.type === 'device.forget') forgetDevice(state, key, out);
  else if (typeof (command as AlertCommand).alertId === 'string') {
    applyAlertCommand(state, key, at, command as AlertCommand, out);
  }
}

/** Told also where nothing is known here: what looks at the log later may have older alerts of the device. */
function forgetDevice(state: AlertingState, key: DeviceKey, out: AlertBatch): void {
  state.devices.delete(key);
  state.resolved.forget(key);
  out.add({ change: 'forgotten', tenant: tenantOf(key), device: deviceOf(key) });
}

function applyAlertCommand(
  state: AlertingState,
  key: DeviceKey,
  at: RecordTimes,
  command: AlertCommand,
  out: AlertBatch,
): void {
  const device = state.devices.get(key);
  const open = device?.open;
  if (device !== undefined && open?.id === command.alertId) commandOpen(state, key, device, open, at, command, out);
  else if (command.type === 'alert.feedback') commandResolved(state, key, at, command, out);
}

function commandOpen(
  state: AlertingState,
  key: DeviceKey,
  device: DeviceAlerts,
  alert: OpenAlert,
  at: RecordTimes,
  command: AlertCommand,
  out: AlertBatch,
): void {
  switch (command.type) {
    case 'alert.acknowledge':
      if (alert.status === 'acknowledged') return;
      alert.status = 'acknowledged';
      alert.history = withEntry(alert.history, entry(at.timeMs, 'acknowledged', command));
      out.add({ change: 'acknowledged', alert: asAlert(key, alert, at.receivedMs) });
      return;
    case 'alert.resolve':
      resolveAlert(state, key, device, alert, entry(at.timeMs, 'resolved', command), at.receivedMs, out);
      return;
    case 'alert.feedback':
      if (!isVerdict(command.verdict) || alert.feedback === command.verdict) return;
      alert.feedback = command.verdict;
      alert.history = withEntry(alert.history, entry(at.timeMs, 'feedback', command));
      out.add({ change: 'feedback', alert: asAlert(key, alert, at.receivedMs) });
      if (command.verdict === 'anomaly') return;
      resolveAlert(state, key, device, alert, entry(at.timeMs, 'resolved', command), at.receivedMs, out);
      device.dismissedFor = state.profiles.get(alert.profile).definition.alerting.closeAfter;
  }
}

function commandResolved(
  state: AlertingState,
  key: DeviceKey,
  at: RecordTimes,
  command: AlertCommand,
  out: AlertBatch,
): void {
  const alert = state.resolved.get(command.alertId);
  if (alert === undefined || deviceKey(alert.tenant, alert.device) !== key) return;
  if (!isVerdict(command.verdict) || alert.feedback === command.verdict) return;
  const history = withEntry(alert.history, entry(at.timeMs, 'feedback', command));
  const judged = { ...alert, changedMs: at.receivedMs, feedback: command.verdict, history };
  state.resolved.replace(judged);
  out.add({ change: 'feedback', alert: judged });
}

/**
 * Ends the alert for good: a later strange score of the device raises another one.
 *
 * @param receivedMs Unix ms, arrival of what ended it.
 */
export function resolveAlert(
  state: AlertingState,
  key: DeviceKey,
  device: DeviceAlerts,
  alert: OpenAlert,
  last: AlertHistoryEntry,
  receivedMs: number,
  out: AlertBatch,
): void {
  alert.history = withEntry(alert.history, last);
  const resolved = asAlert(key, alert, receivedMs, last.atMs);
  device.open = undefined;
  state.resolved.add(resolved);
  out.add({ change: 'resolved', alert: resolved });
}

function entry(atMs: number, change: AlertChange, { by, note }: AlertCommand): AlertHistoryEntry {
  return {
    atMs,
    change,
    ...(typeof by === 'string' && { by: by.slice(0, MAX_BY) }),
    ...(typeof note === 'string' && { note: note.slice(0, MAX_NOTE) }),
  };
}

const isVerdict = (value: unknown): value is 'anomaly' | 'normal' => value === 'anomaly' || value === 'normal';
