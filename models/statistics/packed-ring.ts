/**
 * A ring of single-precision numbers in a slice of a Float64Array, two in the place of one: long memories at half the size.
 *
 * State    `packedLength(capacity)` numbers. They are bit patterns: copy them, do no arithmetic on them. All of them are finite
 * Input    numbers of any size; beyond ± 1e37 they count as ± 1e37. Precision is 6e-8 of a number: store differences from
 *          something near
 * Cost     O(1) a number, no allocation
 *
 * @example
 * const state = new Float64Array(packedLength(4));
 * writePacked(state, 0, 3, 20.5);
 * readPacked(state, 0, 3); // 20.5
 */

const LARGEST = 1e37;

/** Both views of 8 bytes. Two finite singles never make a NaN: its exponent's bits would make the upper single one. */
const slot = new Float64Array(1);
const pair = new Float32Array(slot.buffer);

/** Places that a ring of so many numbers takes. */
export function packedLength(capacity: number): number {
  return Math.ceil(capacity / 2);
}

export function readPacked(state: Float64Array, at: number, index: number): number {
  slot[0] = state[at + (index >> 1)]!;
  return pair[index & 1]!;
}

export function writePacked(state: Float64Array, at: number, index: number, value: number): void {
  const place = at + (index >> 1);
  slot[0] = state[place]!;
  pair[index & 1] = Math.max(-LARGEST, Math.min(LARGEST, value));
  state[place] = slot[0];
}

/**
 * The ring's numbers, newest first.
 *
 * @param written how many numbers were written in all, the k-th at index k mod capacity
 * @param offset is added to every number
 * @returns how many there are: `capacity` at most
 */
export function unpackNewestFirst(
  state: Float64Array,
  at: number,
  capacity: number,
  written: number,
  offset: number,
  out: Float64Array,
  outAt: number,
): number {
  const count = Math.min(written, capacity);
  let index = written % capacity;
  for (let i = 0; i < count; i++) {
    index = index === 0 ? capacity - 1 : index - 1;
    out[outAt + i] = readPacked(state, at, index) + offset;
  }
  return count;
}
