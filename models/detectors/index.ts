/** The catalogue: every detector there is. A profile names them; the conformance tests try them all. */
import type { AnyDetector } from './detector.js';
import { flatline } from './flatline.js';
import { halfSpaceTrees } from './half-space-trees.js';
import { levelShift } from './level-shift.js';
import { meanSquare } from './mean-square.js';
import { missing } from './missing.js';
import { nearestPast } from './nearest-past.js';
import { quantumKernel } from './quantum-kernel.js';
import { referenceDeparture, referenceLevel, referenceMovement, referenceValue } from './reference.js';
import { residual } from './residual.js';
import { seasonal } from './seasonal.js';
import { variability } from './variability.js';

export const DETECTORS: readonly AnyDetector[] = [
  referenceValue,
  referenceLevel,
  referenceDeparture,
  referenceMovement,
  meanSquare,
  nearestPast,
  residual,
  levelShift,
  variability,
  seasonal,
  halfSpaceTrees,
  quantumKernel,
  flatline,
  missing,
];

export function findDetector(name: string): AnyDetector | undefined {
  return DETECTORS.find((detector) => detector.name === name);
}
