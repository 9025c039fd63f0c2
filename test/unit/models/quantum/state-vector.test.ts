import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  controlledNot,
  fidelity,
  hadamard,
  hadamardAll,
  resetQubits,
  stateVectorLength,
} from '../../../../models/quantum/state-vector.js';
import { encodeZz } from '../../../../models/quantum/zz-feature-map.js';

function qubits(count: number): Float64Array {
  const state = new Float64Array(stateVectorLength(count));
  resetQubits(state, 0, count);
  return state;
}

function near(actual: ArrayLike<number>, expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  expected.forEach((value, i) => assert.ok(Math.abs(actual[i]! - value) < 1e-12, `${i}: ${actual[i]}, not ${value}`));
}

function encoded(...angles: number[]): Float64Array {
  const state = new Float64Array(stateVectorLength(angles.length));
  encodeZz(Float64Array.from(angles), new Float64Array(2 ** angles.length), state, 0);
  return state;
}

describe('a state vector', () => {
  const half = Math.SQRT1_2;

  it('is a Bell pair after H and CNOT', () => {
    const state = qubits(2);
    hadamard(state, 0, 2, 0);
    controlledNot(state, 0, 2, 0, 1);
    near(state, [half, 0, 0, 0, 0, 0, half, 0]);
  });

  it('is a state of Greenberger, Horne and Zeilinger after H and two CNOTs', () => {
    const state = qubits(3);
    hadamard(state, 0, 3, 0);
    controlledNot(state, 0, 3, 0, 1);
    controlledNot(state, 0, 3, 1, 2);
    assert.deepEqual(
      [...state].flatMap((value, i) => (Math.abs(value) > 1e-12 ? [i] : [])),
      [0, 14],
    );
  });

  it('is even over all amplitudes after H on each, and back after another', () => {
    const state = qubits(4);
    hadamardAll(state, 0, 4);
    near(
      state,
      Array.from({ length: 32 }, (_, i) => (i % 2 === 0 ? 0.25 : 0)),
    );
    hadamardAll(state, 0, 4);
    near(state, [...qubits(4)]);
  });
});

describe('the ZZ feature map', () => {
  it('of one number is P(2x)·H·P(2x)·H on |0⟩, by hand', () => {
    // H|0⟩ = (1, 1)/√2; P: (1, e)/√2; H: ((1 + e)/2, (1 − e)/2); P: ((1 + e)/2, e·(1 − e)/2), with e = exp(2ix).
    const x = 0.7;
    const [c, s] = [Math.cos(2 * x), Math.sin(2 * x)];
    // e − e²: cos 2x − cos 4x, sin 2x − sin 4x.
    near(encoded(x), [(1 + c) / 2, s / 2, (c - Math.cos(4 * x)) / 2, (s - Math.sin(4 * x)) / 2]);
  });

  it('of one number has the kernel that follows from it', () => {
    // ⟨φ(x)|φ(y)⟩ from the amplitudes above, at x = 0: (1, 0). So the fidelity is |1 + e|²/4 = cos² y.
    for (const y of [0.1, 0.5, 1.2]) {
      assert.ok(Math.abs(fidelity(encoded(0), 0, encoded(y), 0, 1) - Math.cos(y) ** 2) < 1e-12);
    }
  });

  it('of two numbers is the product of its matrices, multiplied out', () => {
    const [x, y] = [0.3, 1.1];
    const phases = [0, 2 * x, 2 * y, 2 * x + 2 * y].map(
      (phase, k) => phase + (k === 1 || k === 2 ? 2 * (Math.PI - x) * (Math.PI - y) : 0),
    );
    let vector: [number, number][] = [
      [1, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ];
    for (let repetition = 0; repetition < 2; repetition++) {
      vector = vector.map((_, row) => {
        let [re, im] = [0, 0];
        vector.forEach(([a, b], column) => {
          // H⊗H has ±½: minus where an odd number of bits is common.
          const sign = ((row & column) === 1 || (row & column) === 2 ? -1 : 1) / 2;
          re += sign * a;
          im += sign * b;
        });
        const [c, s] = [Math.cos(phases[row]!), Math.sin(phases[row]!)];
        return [re * c - im * s, re * s + im * c];
      });
    }
    near(encoded(x, y), vector.flat());
  });

  it('gives states of length 1, alike to themselves', () => {
    const angle = fc.double({ min: -10, max: 10, noNaN: true });
    fc.assert(
      fc.property(fc.array(angle, { minLength: 1, maxLength: 6 }), (angles) => {
        const state = encoded(...angles);
        assert.ok(Math.abs(fidelity(state, 0, state, 0, angles.length) - 1) < 1e-9);
      }),
    );
  });
});
