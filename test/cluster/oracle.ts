/**
 * Judges a run of the cluster from what was acknowledged and what the logs hold, by the pure stages alone: it steps them over
 * the log of readings, as one process that was never disturbed would have, and compares.
 */
import { createHash } from 'node:crypto';
import { readChunkHeader } from '../../models/domain/chunk.js';
import { AlertBatch } from '../../models/domain/alert.js';
import { deviceOf } from '../../models/domain/identity.js';
import { OutcomeCode } from '../../models/domain/outcome.js';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import { ScoreBatch, ScoreKind } from '../../models/domain/score-batch.js';
import { alertingStage } from '../../models/stages/alerting.js';
import { NO_MODELS, type LoadedModels } from '../../models/neural/loaded-models.js';
import { createScoringStage, type ScoringStage } from '../../models/stages/scoring.js';
import type { InputBatch, OutputBatch, Stage } from '../../models/stages/stage.js';
import { windowStage } from '../../models/stages/window.js';
import type { Blobs } from '../../storage/blobs/blobs.js';
import { judge, type Verdict as DeviceVerdict } from '../crash/oracle.js';
import type { LogCopy, Stream } from './log-copy.js';

export interface Verdict extends DeviceVerdict {
  /** Score rows and alert changes that are not those of an undisturbed run. */
  readonly different: number;
  /** Commits that do not begin where the one before ended, or of an epoch that was over. */
  readonly torn: number;
  /** Snapshots whose bytes are not those of an undisturbed run at their position. */
  readonly wrongStates: number;
}

export const FLAWLESS: Verdict = { lost: 0, doubled: 0, disordered: 0, different: 0, torn: 0, wrongStates: 0 };

/** What was looked at: a verdict over nothing is worth nothing. */
export interface Evidence {
  readonly acknowledged: number;
  readonly scoreRows: number;
  readonly alertChanges: number;
  readonly snapshots: number;
  readonly epochs: number;
  /** The first difference of each kind, in words. */
  readonly examples: readonly string[];
}

export interface Judgement {
  readonly verdict: Verdict;
  readonly evidence: Evidence;
  /** Device → times of its scored readings, in log order. */
  readonly scored: ReadonlyMap<string, readonly number[]>;
}

/**
 * @param acknowledged device → times, in the order of posting.
 * @param blobs where the snapshots lie; undefined: they are not looked at.
 * @param models trained ones that were in force.
 */
export async function judgeRun(
  acknowledged: ReadonlyMap<string, readonly number[]>,
  log: LogCopy,
  blobs: Blobs | undefined,
  models: LoadedModels = NO_MODELS,
): Promise<Judgement> {
  const scoringStage = createScoringStage(models);
  const scored = new Map<string, number[]>();
  const examples: string[] = [];
  const count = { scoreRows: 0, alertChanges: 0, snapshots: 0, epochs: 0, different: 0, torn: 0, wrongStates: 0 };
  for (let partition = 0; partition < log.partitions; partition++) {
    const expected = undisturbed(log.stream('readings', partition), scoringStage);
    const actual = scoresIn(log.stream('scores', partition));
    noteScored(actual, scored);
    count.scoreRows += actual.length;
    count.different += differentRows(expected.scores, actual, `scores.${partition}`, examples);
    const changes = alertsIn(log.stream('alerts', partition));
    count.alertChanges += changes.length;
    count.different += differentTexts(expected.alerts, changes, `alerts.${partition}`, examples);
    for (const topic of ['frames', 'scores', 'alerts'] as const) {
      const commits = checkCommits(log.stream(topic, partition), `${topic}.${partition}`, examples);
      count.torn += commits.torn;
      count.epochs += commits.epochs;
    }
    if (blobs === undefined) continue;
    for (const states of [
      await checkSnapshots(windowStage, log.stream('readings', partition), partition, blobs, examples),
      await checkSnapshots(scoringStage, log.stream('frames', partition), partition, blobs, examples),
      await checkSnapshots(alertingStage, log.stream('scores', partition), partition, blobs, examples),
    ]) {
      count.snapshots += states.looked;
      count.wrongStates += states.wrong;
    }
  }
  const { scoreRows, alertChanges, snapshots, epochs, different, torn, wrongStates } = count;
  const total = [...acknowledged.values()].reduce((sum, times) => sum + times.length, 0);
  return {
    verdict: { ...judge(acknowledged, scored), different, torn, wrongStates },
    evidence: { acknowledged: total, scoreRows, alertChanges, snapshots, epochs, examples },
    scored,
  };
}

/** Scores and alert changes of one process that steps over `readings` from the beginning, one chunk after the other. */
function undisturbed(
  readings: Stream,
  scoringStage: ScoringStage,
): { readonly scores: ScoreBatch; readonly alerts: string[] } {
  const states = {
    window: windowStage.createState(),
    scorer: scoringStage.createState(),
    alerting: alertingStage.createState(),
  };
  const frames = windowStage.createOutput();
  const scores = scoringStage.createOutput();
  const changes = alertingStage.createOutput();
  const all = ScoreBatch.create();
  const alerts: string[] = [];
  let logMs = 0;
  for (const payload of readings) {
    const batch = ReadingBatch.decode(payload);
    logMs = Math.max(logMs, batch.receivedMs);
    frames.clear();
    scores.clear();
    changes.clear();
    stepAll(windowStage, states.window, batch, logMs, frames);
    stepAll(scoringStage, states.scorer, frames, logMs, scores);
    stepAll(alertingStage, states.alerting, scores, logMs, changes);
    for (let i = 0; i < scores.length; i++) all.copyFrom(scores, i);
    for (const record of changes.records) alerts.push(JSON.stringify(record));
  }
  return { scores: all, alerts };
}

function stepAll<State, Input extends InputBatch, Output extends OutputBatch>(
  stage: Stage<State, Input, Output>,
  state: State,
  input: Input,
  logMs: number,
  out: Output,
): void {
  for (let i = 0; i < input.length; i++) stage.step(state, input, i, out);
  stage.advance(state, logMs, out);
}

function scoresIn(stream: Stream): ScoreBatch {
  const all = ScoreBatch.create();
  for (const payload of stream) {
    const batch = ScoreBatch.decode(payload);
    for (let i = 0; i < batch.length; i++) all.copyFrom(batch, i);
  }
  return all;
}

function alertsIn(stream: Stream): string[] {
  return stream.flatMap((payload) => AlertBatch.decode(payload).records.map((record) => JSON.stringify(record)));
}

function noteScored(scores: ScoreBatch, scored: Map<string, number[]>): void {
  for (let i = 0; i < scores.length; i++) {
    if (scores.kind.data[i] !== ScoreKind.score || scores.outcome.data[i] !== OutcomeCode.scored) continue;
    const device = deviceOf(scores.deviceKey(i));
    const times = scored.get(device);
    if (times === undefined) scored.set(device, [scores.timeMs.data[i]!]);
    else times.push(scores.timeMs.data[i]!);
  }
}

const NO_HEADER = { epoch: 0, from: 0, to: 0, timeMs: 0 };

/** Bit for bit: all columns at once, and row by row only where they differ. */
function differentRows(expected: ScoreBatch, actual: ScoreBatch, where: string, examples: string[]): number {
  if (sameBytes(expected.encode(NO_HEADER), actual.encode(NO_HEADER))) return 0;
  let different = Math.abs(expected.length - actual.length);
  if (different > 0) examples.push(`${where}: ${actual.length} rows, not ${expected.length}`);
  for (let i = 0; i < Math.min(expected.length, actual.length); i++) {
    const [wanted, found] = [rowOf(expected, i), rowOf(actual, i)];
    if (sameBytes(wanted.bytes, found.bytes)) continue;
    if (different++ < 3) examples.push(`${where} row ${i}: ${found.words}, not ${wanted.words}`);
  }
  return Math.max(1, different);
}

function rowOf(batch: ScoreBatch, i: number): { readonly bytes: Uint8Array; readonly words: string } {
  const row = ScoreBatch.create();
  row.copyFrom(batch, i);
  const at = new Date(row.timeMs.data[0]!).toISOString();
  const words = `${row.deviceKey(0)} ${at} kind ${row.kind.data[0]} outcome ${row.outcome.data[0]} score ${row.score.data[0]} received ${row.receivedMs.data[0]}`;
  return { bytes: row.encode(NO_HEADER), words };
}

function differentTexts(expected: string[], actual: string[], where: string, examples: string[]): number {
  let different = 0;
  for (let i = 0; i < Math.max(expected.length, actual.length); i++) {
    if (expected[i] === actual[i]) continue;
    if (different++ === 0) examples.push(`${where} change ${i}: ${actual[i]}, not ${expected[i]}`);
  }
  return different;
}

/** Each commit goes on where the one before ended, and epochs only grow. */
function checkCommits(stream: Stream, where: string, examples: string[]): { torn: number; epochs: number } {
  let position = 0;
  let epoch = 0;
  let epochs = 0;
  let torn = 0;
  for (const [index, payload] of stream.entries()) {
    const header = readChunkHeader(payload);
    if (header.from !== position || header.to < header.from || header.epoch < epoch) {
      if (torn++ === 0) {
        const { from, to } = header;
        examples.push(
          `${where} record ${index + 1}: ${from} to ${to} of epoch ${header.epoch} after ${position} of ${epoch}`,
        );
      }
    }
    if (header.epoch > epoch) epochs++;
    position = header.to;
    epoch = Math.max(epoch, header.epoch);
  }
  return { torn, epochs };
}

/** Steps a stage over its own input, and compares its state with each snapshot that was left, at that position. */
async function checkSnapshots<State, Input extends InputBatch, Output extends OutputBatch>(
  stage: Stage<State, Input, Output>,
  input: Stream,
  partition: number,
  blobs: Blobs,
  examples: string[],
): Promise<{ looked: number; wrong: number }> {
  const prefix = `snapshots/${stage.name}/${partition}/`;
  const names = await blobs.list(prefix);
  const left = new Map(names.map((name) => [Number(name.slice(prefix.length)), name]));
  const last = Math.max(0, ...left.keys());
  if (last > input.length) throw new Error(`${prefix}${last} stands beyond the end of the log, ${input.length}`);
  const state = stage.createState();
  const out = stage.createOutput();
  let logMs = 0;
  let wrong = 0;
  for (let sequence = 1; sequence <= last; sequence++) {
    const payload = input[sequence - 1]!;
    logMs = Math.max(logMs, readChunkHeader(payload).timeMs);
    out.clear();
    stepAll(stage, state, stage.decode(payload), logMs, out);
    const name = left.get(sequence);
    if (name === undefined) continue;
    const found = await blobs.get(name);
    if (found !== undefined && hash(found) === hash(stage.snapshot(state))) continue;
    if (wrong++ === 0) examples.push(`${name} is not the state of an undisturbed run`);
  }
  return { looked: left.size, wrong };
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
