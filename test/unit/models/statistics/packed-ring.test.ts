import assert from 'node:assert/strict';
import { packedLength, readPacked, unpackNewestFirst, writePacked } from '../../../../models/statistics/packed-ring.js';

describe('packed ring', () => {
  it('keeps two numbers in a place', () => {
    const state = new Float64Array(packedLength(5));
    assert.equal(state.length, 3);
    for (let i = 0; i < 5; i++) writePacked(state, 0, i, i - 2.5);
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((i) => readPacked(state, 0, i)),
      [-2.5, -1.5, -0.5, 0.5, 1.5],
    );
  });

  it('gives the latest first, and what was overwritten no more', () => {
    const state = new Float64Array(4);
    const out = new Float64Array(4);
    for (let i = 0; i < 5; i++) writePacked(state, 1, i % 3, i);
    assert.equal(unpackNewestFirst(state, 1, 3, 5, 100, out, 1), 3);
    assert.deepEqual([...out], [0, 104, 103, 102]);
  });

  it('holds finite places alone, whatever is written', () => {
    const state = new Float64Array(2);
    const numbers = [1e300, -1e300, 3.4e38, 1e-300, -0, 1e37];
    for (const first of numbers) {
      for (const second of numbers) {
        writePacked(state, 0, 0, first);
        writePacked(state, 0, 1, second);
        assert.ok(Number.isFinite(state[0]));
        assert.ok(Number.isFinite(readPacked(state, 0, 0)) && Number.isFinite(readPacked(state, 0, 1)));
      }
    }
  });
});
