import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { scoreView } from '../../../models/domain/score-view.js';
import { ReadingBatch } from '../../../models/domain/reading-batch.js';
import { scoringStage } from '../../../models/stages/scoring.js';
import { windowStage } from '../../../models/stages/window.js';
import { goldenCases } from '../../support/golden.js';

const folder = new URL('./', import.meta.url);

interface Line {
  readonly ts: number;
  readonly values: Readonly<Record<string, number>>;
}

/** Readings of one device, a line each, through the window and the scorer stage. */
function score(readings: readonly Line[], state = scoringStage.createState()): object[] {
  const window = windowStage.createState();
  const frames = windowStage.createOutput();
  for (const { ts, values } of readings) {
    const batch = ReadingBatch.create();
    batch.receivedMs = ts;
    batch.addReading('default/pump-7', ts, Object.keys(values), Object.values(values));
    windowStage.step(window, batch, 0, frames);
  }
  const scores = scoringStage.createOutput();
  for (let i = 0; i < frames.length; i++) scoringStage.step(state, frames, i, scores);
  return Array.from({ length: scores.length }, (_, i) => scoreView(scores, i));
}

/** A folder a case: `in.ndjson` holds readings, `out.ndjson` their scores as HTTP shows them, reviewed by eye. */
describe('scoring, golden', () => {
  goldenCases(folder, (input) => score(input as Line[]));

  it('still loads the state of version 3', () => {
    const state = scoringStage.restore(readFileSync(new URL('state-3.bin', folder)));
    assert.equal(scoringStage.deviceCount(state), 1);
    const [strange] = score([{ ts: Date.UTC(2026, 0, 2), values: { temp: 90 } }], state) as { isAnomaly: boolean }[];
    assert.equal(strange!.isAnomaly, true);
  });
});
