/**
 * Alerting: from scores to alerts that a person can work with. Pure.
 *
 * Input    scores in log order; only scored frames and silences count, `filled` and refused ones change nothing
 * Output   one record for each change of an alert: `raised`, `escalated`, `worsened`, `acknowledged`, `resolved`, `feedback`; one
 *          `forgotten` for a device that is to be forgotten
 * State    nothing for a calm device that never had an alert; see `AlertingState`
 * Cost     a map look-up a score
 *
 * Rules:
 *
 * - A score is *strange* when it is at or over its threshold and the device is ready, *calm* when it is below `closeRatio`
 *   of the threshold. Between the two lies the hysteresis.
 * - `openAfter` strange scores among the last `openWithin` raise an alert (an `openAfter` beyond `openWithin` counts as
 *   `openWithin`); a silence raises one by itself and in any phase. A device has at most one alert that is not resolved: all
 *   that is strange until then belongs to it.
 * - `closeAfter` calm scores in a row resolve it, acknowledged or not. A silence ends in the same way: readings are back, and
 *   calm. Scores of a device that is warming up again count as calm or not like any other.
 * - After that, the next strange scores raise a new alert; an old one never opens again. Only after the verdict `normal` the
 *   device raises nothing until its first calm score, for at most `closeAfter` scores: the detectors have just been taught
 *   that its state is normal, and an alert that comes back at once would be the false alarm that was complained about.
 * - While a silence holds for the device, at the time of the score, nothing is raised; alerts that are open go on. What is strange
 *   after its end raises an alert then.
 * - Severity: see `severity.ts`. It only ever rises.
 * - Score, channels and reasons of an alert are those of its strangest score so far; how soon a new one is told, `open-alert.ts` says.
 */
import { AlertBatch } from '../domain/alert.js';
import { OutcomeCode } from '../domain/outcome.js';
import { Phase, ScoreBatch, ScoreFlag, ScoreKind } from '../domain/score-batch.js';
import type { DeviceKey } from '../domain/identity.js';
import type { AlertingProfile } from '../profiles/alerting-profile.js';
import { applyCommand, resolveAlert, type RecordTimes } from './alerting/alert-commands.js';
import {
  AlertingState,
  decodeAlertingState,
  encodeAlertingState,
  type DeviceAlerts,
} from './alerting/alerting-state.js';
import { addStrangeScore, asAlert, openAlert, withEntry, type OpenAlert } from './alerting/open-alert.js';
import type { Stage } from './stage.js';

export type { AlertingState } from './alerting/alerting-state.js';

export const alertingStage: Stage<AlertingState, ScoreBatch, AlertBatch> = {
  name: 'alerting',
  input: 'scores',
  output: 'alerts',

  createState: () => new AlertingState(),
  decode: (bytes) => ScoreBatch.decode(bytes),
  createOutput: () => AlertBatch.create(),

  step(state, batch, index, out) {
    switch (batch.kind.data[index]) {
      case ScoreKind.score:
        if (batch.outcome.data[index] === OutcomeCode.scored) takeScore(state, batch, index, out);
        return;
      case ScoreKind.silence:
        takeSilence(state, batch, index, out);
        return;
      case ScoreKind.command:
        applyCommand(state, batch.deviceKey(index), timesOf(batch, index), batch.commandText(index), out);
    }
  },

  // Everything is counted in scores, so time alone changes nothing.
  advance: () => undefined,
  wakeMs: () => Infinity,

  deviceCount: (state) => state.devices.size,
  snapshot: encodeAlertingState,
  restore: decodeAlertingState,
};

function takeScore(state: AlertingState, batch: ScoreBatch, i: number, out: AlertBatch): void {
  const key = batch.deviceKey(i);
  const strange = isStrange(batch, i);
  // Nearly every score ends here.
  if (!strange && !state.devices.has(key)) return;
  const device = state.device(key);
  const profile = state.profiles.get(batch.profileName(i)).definition.alerting;
  if (device.open !== undefined) follow(state, key, device, device.open, profile, batch, i, out);
  else if (device.dismissedFor > 0) device.dismissedFor = isCalm(batch, i, profile) ? 0 : device.dismissedFor - 1;
  else watch(state, key, device, profile, batch, i, out);
  state.forgetIfNothing(key, device);
}

/** No alert is open: is this the score that raises one? */
function watch(
  state: AlertingState,
  key: DeviceKey,
  device: DeviceAlerts,
  profile: AlertingProfile,
  batch: ScoreBatch,
  i: number,
  out: AlertBatch,
): void {
  const strange = isStrange(batch, i);
  const { openAfter, openWithin } = profile;
  // Shifting a 32-bit number by 32 shifts by 0.
  const before = (device.recent << 1) & (openWithin === 32 ? -1 : (1 << openWithin) - 1);
  if (strange && before === 0) device.firstStrangeMs = batch.timeMs.data[i]!;
  device.recent = (before | Number(strange)) >>> 0;
  const strangeCount = bitCount(device.recent);
  if (!strange || strangeCount < Math.min(openAfter, openWithin)) return;
  if (!state.silences.covers(key, batch.timeMs.data[i]!)) raise(key, device, batch, i, strangeCount, out);
}

/** An alert is open: does this score end it? */
function follow(
  state: AlertingState,
  key: DeviceKey,
  device: DeviceAlerts,
  alert: OpenAlert,
  profile: AlertingProfile,
  batch: ScoreBatch,
  i: number,
  out: AlertBatch,
): void {
  if (isStrange(batch, i)) {
    lengthen(key, alert, batch, i, out);
    return;
  }
  alert.calmRun = isCalm(batch, i, profile) ? alert.calmRun + 1 : 0;
  if (alert.calmRun < profile.closeAfter) return;
  const { timeMs, receivedMs } = timesOf(batch, i);
  resolveAlert(state, key, device, alert, { atMs: timeMs, change: 'resolved' }, receivedMs, out);
}

function takeSilence(state: AlertingState, batch: ScoreBatch, i: number, out: AlertBatch): void {
  // The scorer may hold a silence for ordinary; without numbers it is what it says.
  if (batch.score.data[i]! < batch.threshold.data[i]!) return;
  const key = batch.deviceKey(i);
  const device = state.device(key);
  if (device.open !== undefined) lengthen(key, device.open, batch, i, out);
  else if (state.silences.covers(key, batch.timeMs.data[i]!)) state.forgetIfNothing(key, device);
  else {
    if (device.recent === 0) device.firstStrangeMs = batch.timeMs.data[i]!;
    raise(key, device, batch, i, bitCount(device.recent) + 1, out);
  }
}

function raise(
  key: DeviceKey,
  device: DeviceAlerts,
  batch: ScoreBatch,
  i: number,
  strangeCount: number,
  out: AlertBatch,
): void {
  device.raisedCount++;
  device.open = openAlert(key, batch, i, device.firstStrangeMs, strangeCount, device.raisedCount);
  // The next alert needs evidence of its own.
  device.recent = 0;
  device.dismissedFor = 0;
  out.add({ change: 'raised', alert: asAlert(key, device.open, batch.receivedMs.data[i]!) });
}

function lengthen(key: DeviceKey, alert: OpenAlert, batch: ScoreBatch, i: number, out: AlertBatch): void {
  const change = addStrangeScore(alert, batch, i);
  if (change === 'none') return;
  // A peak that rises step by step would push what people did out of the history.
  if (change === 'escalated') alert.history = withEntry(alert.history, { atMs: batch.timeMs.data[i]!, change });
  out.add({ change, alert: asAlert(key, alert, batch.receivedMs.data[i]!) });
}

function timesOf(batch: ScoreBatch, i: number): RecordTimes {
  return { timeMs: batch.timeMs.data[i]!, receivedMs: batch.receivedMs.data[i]! };
}

function isStrange(batch: ScoreBatch, i: number): boolean {
  return batch.phase.data[i] === Phase.ready && (batch.flags.data[i]! & ScoreFlag.anomaly) !== 0;
}

/** A score without a threshold (the first ones of a device) is calm: an alert must be able to end. */
function isCalm(batch: ScoreBatch, i: number, profile: AlertingProfile): boolean {
  return !isStrange(batch, i) && !(batch.score.data[i]! >= profile.closeRatio * batch.threshold.data[i]!);
}

/** Bits set in an unsigned 32-bit number. */
function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
