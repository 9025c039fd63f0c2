import assert from 'node:assert/strict';
import { COUNTER_LENGTH, CounterLens } from '../../../../models/scoring/counters.js';

const CHANNELS = 1;

/** A lens with the state it needs; returns what detectors would see of each value. */
function view(values: readonly number[]): { seen: number[]; isCounter: boolean; changes: number; base: number } {
  const lens = new CounterLens(CHANNELS, 0, 1);
  const state = new Float64Array(1 + COUNTER_LENGTH);
  state[0] = NaN;
  let changes = 0;
  const seen = values.map((value, i) => {
    const imputed = Uint8Array.of(Number.isNaN(value) ? 1 : 0);
    const frame = { values: Float64Array.of(value), imputed, timeMs: i, stepMs: 1, gapSteps: 0 };
    if (lens.look(state, frame, true) !== undefined) changes++;
    return lens.view.values[0]!;
  });
  const expected = Float64Array.of(0);
  lens.translate(expected);
  return { seen, isCounter: lens.isCounter(state, 0), changes, base: expected[0]! };
}

const saw = (frames: number): number[] => Array.from({ length: frames }, (_, i) => 3 * (i % 60));

describe('CounterLens', () => {
  it('shows the rises of a counter from its second reset on, and nothing at a reset', () => {
    const { seen, isCounter, changes, base } = view(saw(183));
    assert.deepEqual([isCounter, changes], [true, 1]);
    assert.deepEqual(seen.slice(118), [174, 177, NaN, ...Array<number>(59).fill(3), NaN, 3, 3]);
    assert.equal(base, 3);
  });

  it('shows the rise a step over steps without a value', () => {
    const { seen } = view([...saw(125), NaN, NaN, 3 * 7]);
    assert.equal(seen.at(-1), 3);
  });

  it('shows other channels as they are', () => {
    const noise = Array.from({ length: 400 }, (_, i) => Math.sin(i) + Math.sin(1.7 * i));
    const wave = Array.from({ length: 2_000 }, (_, i) => Math.sin(i / 200));
    const contact = Array.from({ length: 400 }, (_, i) => (i % 20 < 7 ? 1 : 0));
    for (const values of [noise, wave, contact, Array<number>(300).fill(5)])
      assert.deepEqual(view(values).seen, values);
  });

  it('takes a channel that falls a little for no counter, and never again', () => {
    const { isCounter, changes } = view([...saw(150), 80, ...saw(400)]);
    assert.deepEqual([isCounter, changes], [false, 2]);
  });
});
