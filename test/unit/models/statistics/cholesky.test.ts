import assert from 'node:assert/strict';
import { factorise, packedLength, solveLower, solveUpper } from '../../../../models/statistics/cholesky.js';

const near = (actual: ArrayLike<number>, expected: readonly number[]): void => {
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(actual[i]! - value) < 1e-9, `${i}: ${actual[i]}`);
};

describe('cholesky', () => {
  it('factorises, with the inverse on the diagonal', () => {
    // [[4, 2], [2, 5]] = L·Lᵀ with L = [[2, 0], [1, 2]].
    const matrix = Float64Array.of(4, 2, 5);
    factorise(matrix, 0, 2);
    near(matrix, [1 / 2, 1, 1 / 2]);
  });

  it('solves a system', () => {
    // A·(1, −1, 2), row by row
    const matrix = Float64Array.of(4, 2, 5, 6, 7, 30);
    factorise(matrix, 0, 3);
    const vector = Float64Array.of(4 - 2 + 12, 2 - 5 + 14, 6 - 7 + 60);
    solveLower(matrix, 0, 3, vector);
    solveUpper(matrix, 0, 3, vector);
    near(vector, [1, -1, 2]);
  });

  it('gives the quadratic form as a square', () => {
    const matrix = Float64Array.of(4, 2, 5);
    factorise(matrix, 0, 2);
    const vector = Float64Array.of(2, 3);
    solveLower(matrix, 0, 2, vector);
    // bᵀ·A⁻¹·b with A⁻¹ = [[5, −2], [−2, 4]] / 16
    near([vector[0]! ** 2 + vector[1]! ** 2], [(5 * 4 - 2 * 2 * 6 + 4 * 9) / 16]);
  });

  it('keeps to its place in a larger array', () => {
    const data = Float64Array.of(7, 4, 2, 5, 7);
    factorise(data, 1, 2);
    assert.deepEqual([...data], [7, 0.5, 1, 0.5, 7]);
    assert.equal(packedLength(2), 3);
  });

  it('has an answer for a matrix that is not definite', () => {
    const matrix = Float64Array.of(1, 1, 1);
    factorise(matrix, 0, 2);
    assert.ok(matrix.every(Number.isFinite));
  });
});
