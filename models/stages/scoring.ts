/**
 * The stage `scorer`: frames in, scores out. It keeps each device's state and profile; what a score is, the ensemble knows
 * (`models/scoring/ensemble.ts`).
 *
 * - A frame (outcome `scored` or `filled`) becomes one score; a filled one teaches nothing.
 * - A silence becomes a score of kind `silence` with score 1: the window stage has already decided that it is one.
 * - Refused readings and commands pass on.
 * - `profile.activate` fits every device of that profile to the new definition at once: detectors that stay with equal
 *   settings keep what they know. A definition that is not valid is ignored; the registry refuses it before it gets here.
 * - `device.forget`: nothing of the device is known any more.
 * - `alert.feedback`: how cautious the device's next alarms are depends on whether the last were right. With verdict `normal` on an
 *   alert that was still open, the present level is learned at once besides.
 */
import { encodeChunk, ChunkKind } from '../domain/chunk.js';
import { FrameBatch, FrameKind } from '../domain/frame-batch.js';
import { OutcomeCode } from '../domain/outcome.js';
import { ReasonCode } from '../domain/reasons.js';
import { Phase, ScoreBatch, ScoreFlag, ScoreKind } from '../domain/score-batch.js';
import { parseCommand } from '../domain/command.js';
import { readStoredProfile } from '../profiles/profile.js';
import { modelsOfSnapshot, readSnapshot, writeSnapshot } from './scoring/snapshot.js';
import { NO_MODELS, type LoadedModels } from '../neural/loaded-models.js';
import { ScoringState } from './scoring/scoring-state.js';
import type { Stage } from './stage.js';

/** Rows carry 32-bit floats; what does not fit is unknown rather than infinite. */
const LARGEST_FLOAT32 = 3.4e38;

export type { ScoringState };

export type ScoringStage = Stage<ScoringState, FrameBatch, ScoreBatch>;

/** Trained models, and how one comes into memory. */
export interface ModelSource extends LoadedModels {
  /** @throws ModelUnavailableError when it is not stored */
  load(version: string): Promise<void>;
}

/** @param models what the log's profiles may name; without `load`, all of it must be there */
export function createScoringStage(models: LoadedModels | ModelSource = NO_MODELS): ScoringStage {
  const load = (versions: readonly string[]): Promise<void> | undefined => {
    if (!('load' in models)) return undefined;
    const missing = versions.filter((version) => models.get(version) === undefined);
    return missing.length === 0
      ? undefined
      : Promise.all(missing.map((version) => models.load(version))).then(() => undefined);
  };
  return {
    name: 'scorer',
    input: 'frames',
    output: 'scores',
    createState: () => new ScoringState(undefined, models),
    decode: (bytes) => FrameBatch.decode(bytes),
    createOutput: () => ScoreBatch.create(),
    prepare: (batch) => load(modelsNamedIn(batch)),
    prepareRestore: (bytes) => load(modelsOfSnapshot(bytes)),

    step(state, batch, index, out) {
      switch (batch.kind.data[index]) {
        case FrameKind.frame:
          scoreFrame(state, batch, index, out);
          break;
        case FrameKind.silence:
          scoreSilence(state, batch, index, out);
          break;
        case FrameKind.forgotten:
          state.devices.delete(batch.deviceKey(index));
          break;
        case FrameKind.command:
          applyCommand(state, batch, index);
          out.addCommand(
            batch.deviceKey(index),
            batch.timeMs.data[index]!,
            batch.receivedMs.data[index]!,
            batch.commandText(index),
          );
          break;
        default:
          passRefused(state, batch, index, out);
      }
    },

    advance: () => undefined,
    wakeMs: () => Infinity,
    deviceCount: (state) => state.devices.size,

    snapshot: (state) =>
      encodeChunk({ kind: ChunkKind.snapshot, epoch: 0, from: 0, to: 0, timeMs: 0 }, writeSnapshot(state)),
    restore: (bytes) => readSnapshot(bytes, models),
  };
}

/** Of profiles that name no model. */
export const scoringStage = createScoringStage();

/** Trained models that commands of the batch bring into force. */
function modelsNamedIn(batch: FrameBatch): readonly string[] {
  const named: string[] = [];
  for (let i = 0; i < batch.length; i++) {
    if (batch.kind.data[i] !== FrameKind.command) continue;
    const command = parseCommand(batch.commandText(i));
    if (command?.type !== 'profile.activate') continue;
    const model = readStoredProfile(command.definition)?.detection.model;
    if (model !== undefined) named.push(model);
  }
  return named;
}

/** Adds a row for record `index`; returns where its channel entries start. */
function addRow(state: ScoringState, batch: FrameBatch, index: number, kind: number, out: ScoreBatch): number {
  const profile = state.profiles.get(batch.profileName(index));
  const channels = batch.channels(index);
  const start = out.add(
    kind,
    batch.outcome.data[index]!,
    batch.deviceKey(index),
    batch.timeMs.data[index]!,
    batch.receivedMs.data[index]!,
    profile.name,
    profile.version,
    channels,
  );
  const from = batch.start(index);
  for (let c = 0; c < channels.length; c++) {
    out.actual.data[start + c] = batch.values.data[from + c]!;
    out.imputed.data[start + c] = batch.imputed.data[from + c]!;
  }
  return start;
}

function scoreFrame(state: ScoringState, batch: FrameBatch, index: number, out: ScoreBatch): void {
  const channels = batch.channels(index);
  const start = addRow(state, batch, index, ScoreKind.score, out);
  const row = out.length - 1;
  if (channels.length === 0) {
    out.score.data[row] = 0;
    out.event.data[row] = 0;
    out.threshold.data[row] = 1;
    return;
  }
  const device = state.device(batch.deviceKey(index), batch.profileName(index), channels);
  const ensemble = state.ensemble(device.profile, device.channels);
  const frame = state.frame(channels.length);
  const from = batch.start(index);
  for (let c = 0; c < channels.length; c++) {
    frame.values[c] = batch.values.data[from + c]!;
    frame.imputed[c] = batch.imputed.data[from + c]!;
  }
  frame.timeMs = batch.timeMs.data[index]!;
  frame.stepMs = batch.stepMs.data[index]!;
  frame.gapSteps = batch.gapSteps.data[index]!;
  ensemble.step(device.values, frame, batch.outcome.data[index] === OutcomeCode.scored);

  const { result } = ensemble;
  out.score.data[row] = result.score;
  out.event.data[row] = result.event;
  out.threshold.data[row] = result.threshold;
  out.phase.data[row] = result.isReady ? Phase.ready : Phase.warming;
  out.progress.data[row] = result.progress;
  // Compared as the row holds them, so that readers of the row come to the same answer.
  const isOver = out.score.data[row] >= out.threshold.data[row];
  out.flags.data[row] = result.isReady && isOver ? ScoreFlag.anomaly : 0;
  for (let c = 0; c < channels.length; c++) {
    out.expected.data[start + c] = fitting(result.expected[c]!);
    out.lower.data[start + c] = fitting(result.lower[c]!);
    out.upper.data[start + c] = fitting(result.upper[c]!);
    out.contribution.data[start + c] = result.contribution[c]!;
  }
  const { reasons } = result;
  for (let r = 0; r < reasons.length; r++) {
    out.addReason(reasons.code[r]!, reasons.channel[r]!, reasons.a[r]!, reasons.b[r]!);
  }
}

function scoreSilence(state: ScoringState, batch: FrameBatch, index: number, out: ScoreBatch): void {
  addRow(state, batch, index, ScoreKind.silence, out);
  const row = out.length - 1;
  const device = state.devices.get(batch.deviceKey(index));
  // A device that the scorer does not know has no threshold of its own yet.
  let threshold = 0.5;
  let silentMs = batch.gapSteps.data[index]! * batch.stepMs.data[index]!;
  if (device !== undefined) {
    const ensemble = state.ensemble(device.profile, device.channels);
    ensemble.describe(device.values);
    threshold = ensemble.result.threshold;
    silentMs = batch.timeMs.data[index]! - ensemble.lastTimeMs(device.values);
    out.phase.data[row] = ensemble.result.isReady ? Phase.ready : Phase.warming;
    out.progress.data[row] = ensemble.result.progress;
  }
  out.score.data[row] = 1;
  out.event.data[row] = 1;
  out.threshold.data[row] = threshold;
  out.flags.data[row] = ScoreFlag.anomaly;
  const outcome = batch.outcome.data[index]!;
  if (outcome === OutcomeCode.late || outcome === OutcomeCode.future) {
    const side = outcome === OutcomeCode.late ? -1 : 1;
    out.addReason(ReasonCode.clock, 0, side * batch.gapSteps.data[index]! * batch.stepMs.data[index]!, side);
  } else out.addReason(ReasonCode.silence, 0, silentMs, batch.stepMs.data[index]!);
}

function passRefused(state: ScoringState, batch: FrameBatch, index: number, out: ScoreBatch): void {
  addRow(state, batch, index, ScoreKind.refused, out);
  const device = state.devices.get(batch.deviceKey(index));
  if (device === undefined) return;
  const row = out.length - 1;
  const ensemble = state.ensemble(device.profile, device.channels);
  ensemble.describe(device.values);
  out.phase.data[row] = ensemble.result.isReady ? Phase.ready : Phase.warming;
  out.progress.data[row] = ensemble.result.progress;
}

function applyCommand(state: ScoringState, batch: FrameBatch, index: number): void {
  const command = parseCommand(batch.commandText(index));
  if (command?.type === 'profile.activate') state.activate(command);
  if (command?.type === 'device.forget') state.devices.delete(batch.deviceKey(index));
  // One without `teaches` is of no alert that anybody knew.
  if (command?.type !== 'alert.feedback' || typeof command.teaches !== 'boolean') return;
  const device = state.devices.get(batch.deviceKey(index));
  if (device === undefined) return;
  const ensemble = state.ensemble(device.profile, device.channels);
  const isRight = command.verdict === 'anomaly';
  ensemble.judgeAlarm(device.values, isRight);
  if (!isRight && command.teaches) ensemble.teachNormal(device.values, state.frame(ensemble.channels));
}

const fitting = (value: number): number => (Math.abs(value) <= LARGEST_FLOAT32 ? value : NaN);
