/**
 * Cholesky factor of a symmetric positive definite matrix, for matrices of a few dozen rows that lie in a larger array: own
 * code, since a matrix library would copy each of them into objects of its own, on every frame.
 *
 * A matrix is packed: its lower triangle row by row, `packedLength(n)` numbers. Of the factor L (A = L·Lᵀ) the diagonal holds
 * 1 / L[i][i], so that solving needs no division.
 *
 * Source   Golub & Van Loan (2013), Matrix Computations, 4th ed., 4.2
 */

/** Numbers of a packed matrix with so many rows. */
export function packedLength(rows: number): number {
  return (rows * (rows + 1)) / 2;
}

/** Pivots below this are taken for it: of a matrix that is barely definite, a factor all the same. */
const LEAST_PIVOT = 1e-9;

/**
 * Puts the factor in the place of the matrix.
 *
 * Input    `data[at] … data[at + packedLength(rows) - 1]`, finite
 * Cost     rows³ / 6 multiplications; no allocation
 *
 * @example
 * const matrix = Float64Array.of(4, 2, 5); // [[4, 2], [2, 5]]
 * factorise(matrix, 0, 2); // matrix is now 1/2, 1, 1/2
 */
export function factorise(data: Float64Array, at: number, rows: number): void {
  let row = at;
  for (let i = 0; i < rows; i++) {
    let other = at;
    for (let j = 0; j <= i; j++) {
      let sum = data[row + j]!;
      for (let k = 0; k < j; k++) sum -= data[row + k]! * data[other + k]!;
      data[row + j] = i === j ? 1 / Math.sqrt(Math.max(sum, LEAST_PIVOT)) : sum * data[other + j]!;
      other += j + 1;
    }
    row += i + 1;
  }
}

/**
 * Solves L·y = b.
 *
 * Input    the factor at `at`; b in `vector`, of `rows` numbers
 * Output   y in the place of b; |y|² is then bᵀ·A⁻¹·b
 * Cost     rows² / 2 multiplications; no allocation
 */
export function solveLower(data: Float64Array, at: number, rows: number, vector: Float64Array): void {
  let row = at;
  for (let i = 0; i < rows; i++) {
    let sum = vector[i]!;
    for (let k = 0; k < i; k++) sum -= data[row + k]! * vector[k]!;
    vector[i] = sum * data[row + i]!;
    row += i + 1;
  }
}

/**
 * Solves Lᵀ·x = y.
 *
 * Input    as `solveLower`
 * Output   x in the place of y; after `solveLower`, A·x = b
 * Cost     rows² / 2 multiplications; no allocation
 */
export function solveUpper(data: Float64Array, at: number, rows: number, vector: Float64Array): void {
  for (let i = rows - 1; i >= 0; i--) {
    const row = at + packedLength(i);
    const solved = vector[i]! * data[row + i]!;
    vector[i] = solved;
    for (let k = 0; k < i; k++) vector[k]! -= data[row + k]! * solved;
  }
}
