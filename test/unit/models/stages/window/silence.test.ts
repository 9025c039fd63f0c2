import assert from 'node:assert/strict';
import { FrameBatch, FrameKind } from '../../../../../models/domain/frame-batch.js';
import { OutcomeCode } from '../../../../../models/domain/outcome.js';
import { reasonWords } from '../../../../../models/domain/reasons.js';
import { scoringStage } from '../../../../../models/stages/scoring.js';
import { WindowLog, type Row } from './window-log.js';

const T = Date.UTC(2026, 0, 1);
const outcomes = (of: readonly Row[]) => of.map(({ kind, outcome }) => `${kind} ${outcome ?? ''}`.trim());

describe('window: silence', () => {
  it('says once that a live device is silent, and again only after it spoke', () => {
    const log = new WindowLog();
    log.steady(T, 2000, 10);
    const lastMs = T + 18_000;
    assert.equal(log.wakeMs(), lastMs + 20_000);
    const [silence, ...more] = log.tick(lastMs + 21_000);
    assert.deepEqual(more, []);
    assert.deepEqual(silence, {
      kind: 'silence',
      device: 't/a',
      timeMs: lastMs + 21_000,
      receivedMs: lastMs + 21_000,
      outcome: 'filled',
      stepMs: 2000,
      gapSteps: 10,
      profile: 'standard',
      values: { x: null },
      imputed: ['x'],
    });
    assert.equal(log.wakeMs(), Infinity);
    assert.deepEqual(log.tick(lastMs + 90_000), []);
    log.read(lastMs + 100_000, { x: 1 });
    assert.deepEqual(outcomes(log.tick(log.wakeMs())), ['silence filled']);
  });

  it('waits once more when it was us who were away', () => {
    const log = new WindowLog();
    log.steady(T, 2000, 10);
    const backMs = T + 3_600_000;
    assert.deepEqual(log.tick(backMs), []);
    assert.equal(log.wakeMs(), backMs + 20_000);
    assert.deepEqual(outcomes(log.tick(backMs + 20_000)), ['silence filled']);
  });

  it('waits at least silentAfterMinMs', () => {
    const log = new WindowLog();
    log.steady(T, 10, 10);
    assert.equal(log.wakeMs(), T + 90 + 10_000);
  });

  it('never says so of a back-filled file', () => {
    const log = new WindowLog();
    for (let k = 0; k < 20; k++) log.read(T + k * 1000, { x: k }, T + 86_400_000);
    assert.equal(log.wakeMs(), Infinity);
  });

  it('never says so with silentAfterSteps 0, nor while the interval is unknown', () => {
    const never = new WindowLog({ silentAfterSteps: 0 });
    never.steady(T, 1000, 10);
    assert.equal(never.wakeMs(), Infinity);
    const young = new WindowLog();
    young.steady(T, 1000, 3);
    assert.equal(young.wakeMs(), Infinity);
  });

  it('is not put off by readings that cannot be used', () => {
    const log = new WindowLog();
    log.steady(T, 2000, 10);
    log.read(T, { x: 5 }, T + 30_000);
    log.read(T + 99_000_000, { x: 5 }, T + 31_000);
    assert.equal(log.wakeMs(), T + 38_000);
  });

  it('says so when readings arrive that are all late or all in the future', () => {
    for (const [outcome, byMs] of [
      ['late', -3_600_000],
      ['future', 7_200_000],
    ] as const) {
      const log = new WindowLog();
      log.steady(T, 1000, 10);
      const rows = [];
      for (let k = 10; k < 25; k++) rows.push(...log.read(T + k * 1000 + byMs, { x: k }, T + k * 1000));
      const silences = rows.filter(({ kind }) => kind === 'silence');
      assert.deepEqual(
        silences.map((row) => [row.outcome, row.timeMs]),
        [[outcome, T + 19_000]],
      );
      // Log time passes first: the latest refused reading is that of 18 s.
      const offMs = outcome === 'late' ? -byMs - 9_000 : byMs;
      assert.equal(silences[0]!.gapSteps! * silences[0]!.stepMs!, offMs);
    }
  });

  it('reads so for the operator', () => {
    assert.deepEqual(wordsOf(OutcomeCode.late, 7_200, 1_000), [
      "readings arrive, but their times are 2 h behind those before: check the device's clock",
    ]);
    assert.deepEqual(wordsOf(OutcomeCode.future, 0, 0), [
      "readings arrive, but their times are ahead: check the device's clock",
    ]);
    assert.deepEqual(wordsOf(OutcomeCode.filled, 10, 1_000), ['no readings for 10 s, usually one every 1 s']);
  });

  it('does not blame the clock for stragglers of a device that died', () => {
    const log = new WindowLog();
    log.steady(T, 1000, 50);
    for (let k = 0; k < 5; k++) log.read(T + k * 1000, { x: k }, T + 50_000);
    assert.deepEqual(outcomes(log.tick(T + 59_000)), ['silence filled']);
  });

  it('passes before the readings of the chunk that shows it', () => {
    const log = new WindowLog();
    log.steady(T, 2000, 10);
    assert.deepEqual(outcomes(log.read(T + 60_000, { x: 1 })), ['silence filled', 'frame scored']);
  });

  it('names devices that are due at once by key, also after a restore', () => {
    const run = (reload: boolean) => {
      const log = new WindowLog();
      for (let k = 0; k < 5; k++) {
        const readings = ['t/c', 't/a', 't/b'].map((device) => ({ device, timeMs: T + k * 1000, values: { x: 1 } }));
        log.feed({ receivedMs: T + k * 1000, readings });
      }
      if (reload) log.reload();
      return log.tick(T + 20_000).map(({ device }) => device);
    };
    assert.deepEqual(run(false), ['t/a', 't/b', 't/c']);
    assert.deepEqual(run(true), run(false));
  });
});

/** What the scorer makes of a silence of a device that it does not know. */
function wordsOf(outcome: number, gapSteps: number, stepMs: number): string[] {
  const frames = FrameBatch.create();
  frames.add(FrameKind.silence, outcome, 't/a', T, T, stepMs, gapSteps, 'standard', []);
  const scores = scoringStage.createOutput();
  scoringStage.step(scoringStage.createState(), frames, 0, scores);
  return reasonWords(scores, 0);
}
