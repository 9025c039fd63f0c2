import { Type } from '@sinclair/typebox';
import { ReasonCode } from '../domain/reasons.js';
import { fidelity, stateVectorLength } from '../quantum/state-vector.js';
import { encodeZz } from '../quantum/zz-feature-map.js';
import { SeededRandom } from '../simulator/random.js';
import { defineDetector, type DetectorKernel, type FrameView } from './detector.js';

const Settings = Type.Object(
  {
    qubits: Type.Integer({
      default: 4,
      minimum: 1,
      maximum: 6,
      description: 'Numbers that a frame is reduced to, each on a simulated qubit (default 4).',
    }),
    references: Type.Integer({
      default: 16,
      minimum: 2,
      maximum: 64,
      description: 'Ordinary frames that are remembered (default 16).',
    }),
    bandwidth: Type.Number({
      default: 0.1,
      minimum: 0.001,
      maximum: 3,
      description: 'Angle of a standard deviation, in radians (default 0.1): less takes more for alike.',
    }),
    spacing: Type.Integer({
      default: 20,
      minimum: 1,
      maximum: 100_000,
      description: 'Frames between two that are remembered (default 20).',
    }),
  },
  { additionalProperties: false, default: {} },
);

/** Told to those who name it while it is switched off. */
export const QUANTUM_IS_OFF =
  'quantum-kernel needs ENABLE_QUANTUM=true; it is an experiment, simulated on this computer';

const COUNT = 0;
const KEPT = 1;
const REFERENCES = 2;

/** Of a channel: values, mean, variance. */
const VALUES = 0;
const MEAN = 1;
const VARIANCE = 2;
const CHANNEL_LENGTH = 3;

/** Memory of mean and variance, in frames. */
const MEMORY = 1_000;
/** Values before there is a scale to measure others by. */
const START = 30;
/** Standard deviations beyond which all is alike. */
const CLIP = 4;
const RELATIVE_FLOOR = 1e-3;
const ABSOLUTE_FLOOR = 1e-9;
/** A doubted frame is not remembered. */
const ORDINARY = 0.5;
const VERDICT = 1e3;
const FAR = 3;

/**
 * How unlike the frame is to remembered ones, by the fidelity of quantum states that encode them. A simulation on an ordinary
 * computer, exact and without any speed-up; in the catalogue for those who want to try such kernels, behind `ENABLE_QUANTUM`.
 *
 * Input    frame of C values; with more channels than qubits, sums of all with random signs
 * Output   1 − mean fidelity with the references, in [0, 1]; attribution by squared standard deviations
 * State    2 + references·2^(qubits + 1), then 3·C
 * Cost     O(2^qubits·(qubits² + references)) a frame
 * Fails    SettingInvalidError when a setting is out of range
 * Weak on  all that other detectors are good at: it is one more kernel over values, and knows no time
 * Source   Havlíček et al. (2019), Nature 567, 209–212; bandwidth after Shaydulin & Wild (2022), Physical Review A 106, 042407
 *
 * @example
 * const detector = quantumKernel.create({ channels: 2, spacing: 1 });
 * for (let i = 0; i < 200; i++) detector.learn([Math.sin(i), Math.cos(i)]);
 * detector.score([2, -2]); // higher than for [0.7, 0.7]
 */
export const quantumKernel = defineDetector({
  name: 'quantum-kernel',
  summary: 'How unlike remembered frames it is, by a simulated quantum kernel.',
  scope: 'frame',
  settings: Settings,
  createKernel(channels, { qubits: most, references, bandwidth, spacing }): DetectorKernel {
    const qubits = Math.min(most, channels);
    const length = stateVectorLength(qubits);
    const sharedLength = REFERENCES + references * length;
    const signs = drawSigns(qubits, channels);
    const z = new Float64Array(channels);
    const angles = new Float64Array(qubits);
    const phases = new Float64Array(2 ** qubits);
    const encoded = new Float64Array(length);

    /** Encodes the frame. @returns whether any channel has a value and a scale */
    function encode(state: Float64Array, at: number, frame: FrameView): boolean {
      let isAny = false;
      for (let c = 0; c < channels; c++) {
        const base = at + sharedLength + c * CHANNEL_LENGTH;
        const mean = state[base + MEAN]!;
        const floor = Math.max(RELATIVE_FLOOR * Math.abs(mean), ABSOLUTE_FLOOR);
        const deviation = (frame.values[c]! - mean) / Math.max(Math.sqrt(state[base + VARIANCE]!), floor);
        const isKnown = state[base + VALUES]! >= START && !Number.isNaN(deviation);
        z[c] = isKnown ? Math.max(-CLIP, Math.min(CLIP, deviation)) : 0;
        isAny ||= isKnown;
      }
      if (!isAny) return false;
      for (let q = 0; q < qubits; q++) {
        let sum = 0;
        for (let c = 0; c < channels; c++) sum += signs[q * channels + c]! * z[c]!;
        angles[q] = bandwidth * sum;
      }
      encodeZz(angles, phases, encoded, 0);
      return true;
    }

    return {
      sharedLength,
      channelLength: CHANNEL_LENGTH,
      keepsSharedPart: false,
      init: () => undefined,

      score(state, at, frame, out) {
        if (state[at + KEPT]! < references || !encode(state, at, frame)) return;
        let alike = 0;
        for (let r = 0; r < references; r++) {
          alike += fidelity(encoded, 0, state, at + REFERENCES + r * length, qubits);
        }
        out.strangeness[0] = Math.max(0, 1 - alike / references);
        for (let c = 0; c < channels; c++) {
          out.attribution[c] = z[c]! * z[c]!;
          if (Math.abs(z[c]!) < FAR) continue;
          out.reason[c] = ReasonCode.pattern;
          out.reasonA[c] = out.strangeness[0];
          out.reasonB[c] = state[at + sharedLength + c * CHANNEL_LENGTH + MEAN]!;
        }
      },

      learn(state, at, frame, weight) {
        if (!(weight > 0)) return;
        const count = ++state[at + COUNT]!;
        const isTurn = weight > VERDICT || (weight >= ORDINARY && count % spacing === 0);
        if (isTurn && encode(state, at, frame)) {
          const kept = state[at + KEPT]!;
          state.set(encoded, at + REFERENCES + (kept % references) * length);
          // Beyond the first round only the place in the ring counts.
          state[at + KEPT] = kept + 1 < 2 * references ? kept + 1 : references;
        }
        for (let c = 0; c < channels; c++) {
          const value = frame.values[c]!;
          if (Number.isNaN(value)) continue;
          const base = at + sharedLength + c * CHANNEL_LENGTH;
          const values = Math.min(state[base + VALUES]! + 1, MEMORY);
          state[base + VALUES] = values;
          const gain = Math.min(1, Math.min(1, weight) / values);
          const limit = values > START ? CLIP * Math.sqrt(state[base + VARIANCE]!) + ABSOLUTE_FLOOR : Infinity;
          const step = Math.max(-limit, Math.min(limit, value - state[base + MEAN]!));
          state[base + MEAN]! += gain * step;
          state[base + VARIANCE] = (1 - gain) * (state[base + VARIANCE]! + gain * step * step);
        }
      },
    };
  },
});

/** With as many qubits as channels each has its own; else each is a sum of all with random signs, of the same variance. */
function drawSigns(qubits: number, channels: number): Float64Array {
  const signs = new Float64Array(qubits * channels);
  const random = new SeededRandom(1, 'quantum-kernel');
  for (let q = 0; q < qubits; q++) {
    for (let c = 0; c < channels; c++) {
      if (qubits === channels) signs[q * channels + c] = q === c ? 1 : 0;
      else signs[q * channels + c] = (random.uniform() < 0.5 ? -1 : 1) / Math.sqrt(channels);
    }
  }
  return signs;
}
