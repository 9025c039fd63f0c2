import { hadamardAll, resetQubits, turnPhases } from './state-vector.js';

/** Times that the circuit is repeated. */
const REPETITIONS = 2;

/**
 * Encodes numbers as the state of as many qubits: twice a Hadamard gate on each, then phases 2·xᵢ for each qubit that is 1, and
 * 2·(π − xᵢ)·(π − xⱼ) for each pair of which one is.
 *
 * @param angles one a qubit, radians
 * @param phases room for 2^qubits numbers
 * @param state where the state vector comes, from `at` on
 *
 * Source  Havlíček et al. (2019), Supervised learning with quantum-enhanced feature spaces, Nature 567, 209–212
 */
export function encodeZz(angles: Float64Array, phases: Float64Array, state: Float64Array, at: number): void {
  const qubits = angles.length;
  phases.fill(0);
  for (let k = 0; k < phases.length; k++) {
    for (let i = 0; i < qubits; i++) {
      const one = (k >> i) & 1;
      if (one === 1) phases[k]! += 2 * angles[i]!;
      for (let j = 0; j < i; j++) {
        if (((k >> j) & 1) !== one) phases[k]! += 2 * (Math.PI - angles[i]!) * (Math.PI - angles[j]!);
      }
    }
  }
  resetQubits(state, at, qubits);
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    hadamardAll(state, at, qubits);
    turnPhases(state, at, phases);
  }
}
