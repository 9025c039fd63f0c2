/** What every detector of the catalogue must do. A new one is tried by being in the catalogue. */
import assert from 'node:assert/strict';
import {
  clearEvidence,
  createEvidence,
  RunningDetector,
  TEACH,
  resizeState,
  stateLength,
  type AnyDetector,
} from '../../models/detectors/detector.js';
import { DETECTORS } from '../../models/detectors/index.js';
import { SettingInvalidError } from '../../models/errors.js';
import { SeededRandom } from '../../models/simulator/random.js';

const STEP_MS = 600_000;

function running(detector: AnyDetector, channels: number): RunningDetector {
  return new RunningDetector(detector.kernel(channels), detector.scope, channels);
}

/** Day-and-night rows with noise, from a seed. */
function* rows(channels: number, count: number, seed = 7): Generator<{ values: number[]; timeMs: number }> {
  const random = new SeededRandom(seed);
  for (let i = 0; i < count; i++) {
    const timeMs = i * STEP_MS;
    const values = Array.from({ length: channels }, (_, c) => 20 + c + 3 * Math.sin(i / 23) + random.uniform());
    yield { values, timeMs };
  }
}

function train(detector: RunningDetector, channels: number, count: number): void {
  for (const { values, timeMs } of rows(channels, count)) detector.learn(values, { timeMs, stepMs: STEP_MS });
}

function assertSane(strangeness: readonly number[]): void {
  for (const value of strangeness) {
    assert.ok(Number.isNaN(value) || (Number.isFinite(value) && value >= 0), `strangeness ${value}`);
  }
}

for (const detector of DETECTORS) {
  describe(`detector ${detector.name}`, () => {
    it('has a name, a summary and settings with a default, a range and a description each', () => {
      assert.match(detector.name, /^[a-z][a-z0-9-]*$/);
      assert.ok(detector.summary.endsWith('.'));
      for (const [name, schema] of Object.entries(detector.settings.properties)) {
        assert.ok(schema.default !== undefined && typeof schema.description === 'string', name);
        assert.ok(typeof schema['minimum'] === 'number' && typeof schema['maximum'] === 'number', name);
      }
    });

    it('refuses settings that it does not know, and names them', () => {
      assert.throws(
        () => detector.kernel(1, { nonsense: 1 }),
        (error) => {
          return error instanceof SettingInvalidError && error.message.includes('nonsense');
        },
      );
    });

    it('refuses channels that are no count', () => {
      for (const channels of [0, -1, 1.5, NaN]) assert.throws(() => detector.kernel(channels), SettingInvalidError);
    });

    for (const channels of [1, 3, 50]) {
      it(`gives finite strangeness >= 0, or NaN, for ${channels} channels`, () => {
        const d = running(detector, channels);
        for (const { values, timeMs } of rows(channels, 600)) {
          assertSane(d.score(values, { timeMs, stepMs: STEP_MS }));
          d.learn(values, { timeMs, stepMs: STEP_MS });
        }
        assert.ok(d.state.every((value) => Number.isFinite(value)));
      });
    }

    it('speaks after some days of ordinary data', () => {
      const d = running(detector, 2);
      train(d, 2, 700);
      assert.ok(d.score([20, 21], { timeMs: 700 * STEP_MS, stepMs: STEP_MS }).some((value) => value >= 0));
    });

    it('survives the largest numbers, equal ones and none at all', () => {
      const odd = [1e308, -1e308, Number.MAX_VALUE, 0, -0, 5e-324, NaN, 1, 1, 1, Infinity, -Infinity];
      const d = running(detector, 2);
      for (let i = 0; i < 400; i++) {
        const values = [odd[i % odd.length]!, odd[(i * 5) % odd.length]!];
        const facts = { timeMs: i * STEP_MS, stepMs: STEP_MS, gapSteps: i % 7 === 0 ? 1e9 : 0 };
        assertSane(d.score(values, facts));
        d.learn(values, facts, i % 3 === 0 ? 16 : 1);
      }
      assert.ok(d.state.every((value) => Number.isFinite(value)));
    });

    it('survives a constant channel that moves at last', () => {
      const d = running(detector, 1);
      for (let i = 0; i < 500; i++) d.learn([7], { timeMs: i * STEP_MS, stepMs: STEP_MS });
      assertSane(d.score([8], { timeMs: 500 * STEP_MS, stepMs: STEP_MS }));
    });

    it('does not take an imputed value for a measured one', () => {
      const d = running(detector, 2);
      train(d, 2, 700);
      const facts = { timeMs: 700 * STEP_MS, stepMs: STEP_MS, imputed: [1, 0] };
      assert.deepEqual(d.score([1e6, 21], facts), d.score([NaN, 21], facts));
    });

    it('changes no state when it scores', () => {
      const d = running(detector, 2);
      train(d, 2, 300);
      const before = d.state.slice();
      d.score([99, -99], { timeMs: 1e9, stepMs: STEP_MS, gapSteps: 4 });
      assert.deepEqual(d.state, before);
    });

    it('learns nothing at weight 0', () => {
      const d = running(detector, 2);
      const untaught = running(detector, 2);
      train(d, 2, 700);
      untaught.state.set(d.state);
      const row = { timeMs: 700 * STEP_MS, stepMs: STEP_MS };
      untaught.learn([500, 700], row, 0);
      assert.deepEqual(untaught.score([20, 21], row), d.score([20, 21], row));
    });

    it('is not blinded by the verdict that an ordinary value is normal', () => {
      const d = running(detector, 2);
      train(d, 2, 700);
      const taught = running(detector, 2);
      taught.state.set(d.state);
      const last = [...rows(2, 700)].at(-1)!;
      taught.learn(last.values, { timeMs: last.timeMs, stepMs: STEP_MS }, TEACH);
      // A spike, noise, a flat line, a shift and a lost channel, by turns.
      const strange = [
        ...Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? 90 : -40)),
        ...Array<number>(12).fill(20.5),
        ...Array<number>(12).fill(60),
      ];
      let [worst, worstTaught] = [0, 0];
      for (const [i, value] of [...strange, ...Array<number>(12).fill(NaN)].entries()) {
        const facts = { timeMs: last.timeMs + (i + 1) * STEP_MS, stepMs: STEP_MS };
        worst = Math.max(worst, ...d.score([value, value], facts).filter(Number.isFinite));
        worstTaught = Math.max(worstTaught, ...taught.score([value, value], facts).filter(Number.isFinite));
        d.learn([value, value], facts, 0.05);
        taught.learn([value, value], facts, 0.05);
      }
      assert.ok(worstTaught > 0.7 * worst, `${worstTaught}, untaught ${worst}`);
    });

    it('is all in its state: a copy continues identically', () => {
      const d = running(detector, 3);
      train(d, 3, 400);
      const copy = running(detector, 3);
      copy.state.set(d.state);
      for (const { values, timeMs } of rows(3, 200, 8)) {
        const facts = { timeMs: timeMs + 400 * STEP_MS, stepMs: STEP_MS };
        assert.deepEqual(copy.score(values, facts), d.score(values, facts));
        copy.learn(values, facts);
        d.learn(values, facts);
      }
      assert.deepEqual(copy.state, d.state);
    });

    it('does not remember a device in its kernel', () => {
      const kernel = detector.kernel(2);
      const alone = new RunningDetector(detector.kernel(2), detector.scope, 2);
      const shared = new RunningDetector(kernel, detector.scope, 2);
      const neighbour = new RunningDetector(kernel, detector.scope, 2);
      for (const { values, timeMs } of rows(2, 300)) {
        const facts = { timeMs, stepMs: STEP_MS };
        alone.learn(values, facts);
        shared.learn(values, facts);
        neighbour.score([1e9, -1e9], facts);
        neighbour.learn([1e9, -1e9], facts);
      }
      assert.deepEqual(shared.state, alone.state);
    });

    it('keeps to its own slice of the state', () => {
      const kernel = detector.kernel(2);
      const length = stateLength(kernel, 2);
      const state = new Float64Array(length + 20).fill(0.5);
      state.fill(0, 10, 10 + length);
      kernel.init(state, 10);
      const evidence = createEvidence(2);
      const imputed = new Uint8Array(2);
      for (const { values, timeMs } of rows(2, 700)) {
        const frame = { values: Float64Array.from(values), imputed, timeMs, stepMs: STEP_MS, gapSteps: 0 };
        clearEvidence(evidence);
        kernel.score(state, 10, frame, evidence);
        kernel.learn(state, 10, frame, 1);
      }
      assert.ok([...state.subarray(0, 10), ...state.subarray(10 + length)].every((value) => value === 0.5));
    });

    it('keeps what it knows of the channels that stay when one appears and one goes', () => {
      const old = running(detector, 3);
      train(old, 3, 700);
      const kernel = detector.kernel(3);
      const resized = new RunningDetector(kernel, detector.scope, 3);
      resizeState(kernel, old.state, 0, resized.state, 0, [2, -1, 0]);
      const facts = { timeMs: 700 * STEP_MS, stepMs: STEP_MS };
      const after = resized.score([22, 30, 20], facts);
      assertSane(after);
      if (detector.scope === 'frame') return;
      const before = old.score([20, 21, 22], facts);
      assert.deepEqual([after[2], after[0]], [before[0], before[2]]);
    });
  });
}
