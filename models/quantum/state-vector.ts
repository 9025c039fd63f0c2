/**
 * The state of a few qubits as all of its amplitudes, exactly. A simulation on an ordinary computer: time and memory double with
 * every qubit, and nothing here is faster than it looks.
 *
 * Layout  2^n complex amplitudes, real part and imaginary part by turns; bit q of the index is qubit q
 * Source  Nielsen & Chuang (2010), Quantum Computation and Quantum Information, chapters 1 and 4
 */

/** Numbers of a state of so many qubits. */
export function stateVectorLength(qubits: number): number {
  return 2 ** (qubits + 1);
}

/** |0…0⟩ into `state[at …]`. */
export function resetQubits(state: Float64Array, at: number, qubits: number): void {
  state.fill(0, at, at + stateVectorLength(qubits));
  state[at] = 1;
}

/** A Hadamard gate on every qubit: the Walsh–Hadamard transform. */
export function hadamardAll(state: Float64Array, at: number, qubits: number): void {
  for (let qubit = 0; qubit < qubits; qubit++) hadamard(state, at, qubits, qubit);
}

/** A Hadamard gate on one qubit. */
export function hadamard(state: Float64Array, at: number, qubits: number, qubit: number): void {
  const size = 2 ** qubits;
  const bit = 1 << qubit;
  for (let k = 0; k < size; k++) {
    if ((k & bit) !== 0) continue;
    const zero = at + 2 * k;
    const one = zero + 2 * bit;
    for (let part = 0; part < 2; part++) {
      const [a, b] = [state[zero + part]!, state[one + part]!];
      state[zero + part] = (a + b) * Math.SQRT1_2;
      state[one + part] = (a - b) * Math.SQRT1_2;
    }
  }
}

/** A controlled NOT: flips `target` where `control` is 1. */
export function controlledNot(state: Float64Array, at: number, qubits: number, control: number, target: number): void {
  const size = 2 ** qubits;
  for (let k = 0; k < size; k++) {
    if ((k & (1 << control)) === 0 || (k & (1 << target)) !== 0) continue;
    const [zero, one] = [at + 2 * k, at + 2 * (k | (1 << target))];
    for (let part = 0; part < 2; part++) {
      const kept = state[zero + part]!;
      state[zero + part] = state[one + part]!;
      state[one + part] = kept;
    }
  }
}

/** Turns amplitude `k` by `phases[k]`, in radians. */
export function turnPhases(state: Float64Array, at: number, phases: Float64Array): void {
  for (let k = 0; k < phases.length; k++) {
    const [cos, sin] = [Math.cos(phases[k]!), Math.sin(phases[k]!)];
    const [re, im] = [state[at + 2 * k]!, state[at + 2 * k + 1]!];
    state[at + 2 * k] = re * cos - im * sin;
    state[at + 2 * k + 1] = re * sin + im * cos;
  }
}

/** |⟨a|b⟩|², in [0, 1] but for rounding. */
export function fidelity(a: Float64Array, aAt: number, b: Float64Array, bAt: number, qubits: number): number {
  const length = stateVectorLength(qubits);
  let re = 0;
  let im = 0;
  for (let i = 0; i < length; i += 2) {
    const [ar, ai] = [a[aAt + i]!, a[aAt + i + 1]!];
    const [br, bi] = [b[bAt + i]!, b[bAt + i + 1]!];
    re += ar * br + ai * bi;
    im += ar * bi - ai * br;
  }
  return re * re + im * im;
}
