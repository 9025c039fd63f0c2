import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ThinnedLine } from '../../../../models/backtest/thinned-line.js';

function thinned(values: readonly number[], stretches = 4) {
  const line = new ThinnedLine(stretches, 1);
  values.forEach((value, i) => line.add(i, value, [values.map((_, k) => k)], i));
  return line.points();
}

describe('thinned line', () => {
  it('keeps a short line as it is', () => {
    const { timeMs, value, companions } = thinned([3, 1, 2]);
    assert.deepEqual(
      [[...timeMs], [...value], [...companions[0]!]],
      [
        [0, 1, 2],
        [3, 1, 2],
        [0, 1, 2],
      ],
    );
  });

  it('keeps every spike of a long line with its companion', () => {
    const { timeMs, value, companions } = thinned(
      Array.from({ length: 10_000 }, (_, i) => (i === 777 ? 50 : i === 9_998 ? -50 : Math.sin(i))),
    );
    for (const [at, height] of [
      [777, 50],
      [9_998, -50],
    ] as const) {
      const point = timeMs.indexOf(at);
      assert.deepEqual([value[point], companions[0]![point]], [height, at]);
    }
    assert.ok(timeMs.length <= 16);
  });

  it('keeps a gap where a stretch has nothing else', () => {
    const { value } = thinned([1, NaN, 2], 4);
    assert.deepEqual([...value], [1, NaN, 2]);
    assert.ok(thinned([...Array<number>(500).fill(NaN), ...Array<number>(500).fill(1)]).value.includes(NaN));
  });

  it('has ascending times, the extremes, and no more points than it may', () => {
    const values = fc.array(fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constant(NaN)), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 5 }), (given, stretches) => {
        const { timeMs, value } = thinned(given, stretches);
        assert.ok(timeMs.length <= 4 * stretches);
        assert.deepEqual(
          [...timeMs],
          [...new Set(timeMs)].sort((a, b) => a - b),
        );
        timeMs.forEach((at, i) => assert.ok(Object.is(given[at], value[i])));
        const numbers = given.filter((one) => !Number.isNaN(one));
        if (numbers.length === 0) return;
        const kept = value.filter((one) => !Number.isNaN(one));
        assert.deepEqual([Math.min(...kept), Math.max(...kept)], [Math.min(...numbers), Math.max(...numbers)]);
      }),
    );
  });
});
