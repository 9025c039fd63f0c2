import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FrameBatch, FrameKind } from '../../models/domain/frame-batch.js';
import { OutcomeCode } from '../../models/domain/outcome.js';
import { ScoreBatch, ScoreKind } from '../../models/domain/score-batch.js';
import { scoringStage } from '../../models/stages/scoring.js';

const CHANNELS = ['a', 'b', 'c'];
const END = { epoch: 1, from: 0, to: 0, timeMs: 0 };

const value = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 1, arbitrary: fc.constant(NaN) },
);

const profileText = fc.constantFrom(
  '{"type":"profile.activate","profile":"standard","definition":{"detection":{"warmUpFrames":20}},"version":"","by":""}',
  '{"type":"profile.activate","profile":"x","definition":{"detection":{"detectors":[{"name":"residual"}]}},"version":"","by":""}',
  '{"type":"profile.activate","profile":"x","definition":{"detection":{"detectors":[{"name":"oracle"}]}},"version":"","by":""}',
  '{"type":"alert.feedback","verdict":"normal","alertId":"","by":""}',
  'nonsense',
);

const record = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      device: fc.constantFrom('t/1', 't/2'),
      values: fc.array(value, { minLength: 1, maxLength: 3 }),
      repeat: fc.integer({ min: 1, max: 40 }),
      stepMs: fc.constantFrom(0, 60_000, 1_800_000),
      gapSteps: fc.constantFrom(0, 0, 0, 5, 1e6),
      profile: fc.constantFrom('standard', 'x'),
      kind: fc.constantFrom(FrameKind.frame, FrameKind.frame, FrameKind.frame, FrameKind.refused, FrameKind.silence),
      outcome: fc.constantFrom(OutcomeCode.scored, OutcomeCode.filled),
    }),
  },
  { weight: 1, arbitrary: fc.record({ device: fc.constantFrom('t/1', ''), text: profileText }) },
);
type Log = typeof logOf extends fc.Arbitrary<infer T> ? T : never;
const logOf = fc.array(record, { minLength: 1, maxLength: 40 });

function frames(log: Log): FrameBatch {
  const batch = FrameBatch.create();
  let time = 0;
  for (const entry of log) {
    if ('text' in entry) {
      batch.addCommand(entry.device, time, time, entry.text);
      continue;
    }
    for (let r = 0; r < entry.repeat; r++) {
      time += 60_000;
      const channels = CHANNELS.slice(0, entry.values.length);
      const { kind, outcome, device, stepMs, gapSteps, profile } = entry;
      const start = batch.add(kind, outcome, device, time, time, stepMs, gapSteps, profile, channels);
      entry.values.forEach((number, c) => {
        batch.values.data[start + c] = number + (r % 3);
        batch.imputed.data[start + c] = Number.isNaN(number) ? 1 : 0;
      });
    }
  }
  return batch;
}

/** Scores and final state of a log; `restartAt`: a snapshot is written and read back before these records. */
function run(batch: FrameBatch, restartAt: ReadonlySet<number> = new Set()): [Uint8Array, Uint8Array, ScoreBatch] {
  let state = scoringStage.createState();
  const out = ScoreBatch.create();
  for (let i = 0; i < batch.length; i++) {
    if (restartAt.has(i)) state = scoringStage.restore(scoringStage.snapshot(state));
    scoringStage.step(state, batch, i, out);
  }
  return [out.encode(END), scoringStage.snapshot(state), out];
}

describe('scoringStage, for any log', () => {
  it('gives one row a record; a scored one has score, event and threshold in [0, 1] and contributions that sum to 1 or 0', () => {
    fc.assert(
      fc.property(logOf, (log) => {
        const batch = frames(log);
        const [, , out] = run(batch);
        assert.equal(out.length, batch.length);
        for (let i = 0; i < out.length; i++) {
          const kind = out.kind.data[i];
          if (kind !== ScoreKind.score && kind !== ScoreKind.silence) continue;
          for (const column of [out.score, out.event, out.threshold]) {
            assert.ok(column.data[i]! >= 0 && column.data[i]! <= 1, `row ${i}`);
          }
          const start = out.start(i);
          const shares = out.contribution.data.subarray(start, start + out.channels(i).length);
          const sum = shares.reduce((a, b) => a + b, 0);
          assert.ok(sum === 0 || Math.abs(sum - 1) < 1e-5, `contributions of row ${i} sum to ${sum}`);
          for (let c = start; c < start + shares.length; c++) {
            const isOutside = out.lower.data[c]! > out.expected.data[c]! || out.upper.data[c]! < out.expected.data[c]!;
            assert.equal(isOutside, false, `row ${i}`);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('continues identically after any restart', () => {
    fc.assert(
      fc.property(logOf, fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 5 }), (log, restarts) => {
        const batch = frames(log);
        const [scores, state] = run(batch);
        const [restartedScores, restartedState] = run(batch, new Set(restarts));
        assert.deepEqual(restartedScores, scores);
        assert.deepEqual(restartedState, state);
      }),
      { numRuns: 100 },
    );
  });

  it('does not depend on how the log is cut into chunks', () => {
    fc.assert(
      fc.property(logOf, logOf, (first, second) => {
        const whole = frames([...first, ...second]);
        const [, oneState, one] = run(whole);
        const decoded = FrameBatch.decode(whole.encode(END));
        const state = scoringStage.createState();
        const two = ScoreBatch.create();
        const cut = Math.floor(whole.length / 2);
        for (let i = 0; i < cut; i++) scoringStage.step(state, whole, i, two);
        scoringStage.advance(state, 1, two);
        for (let i = cut; i < whole.length; i++) scoringStage.step(state, decoded, i, two);
        assert.deepEqual(two.encode(END), one.encode(END));
        assert.deepEqual(scoringStage.snapshot(state), oneState);
      }),
      { numRuns: 60 },
    );
  });
});
