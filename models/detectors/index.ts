/** The catalogue: every detector there is. A profile names them; the conformance tests try them all. */
import type { AnyDetector } from './detector.js';
import { flatline } from './flatline.js';
import { halfSpaceTrees } from './half-space-trees.js';
import { levelShift } from './level-shift.js';
import { missing } from './missing.js';
import { residual } from './residual.js';
import { seasonal } from './seasonal.js';
import { variability } from './variability.js';

export const DETECTORS: readonly AnyDetector[] = [
  residual,
  levelShift,
  variability,
  seasonal,
  halfSpaceTrees,
  flatline,
  missing,
];

/** What looks at a device whose profile names no detectors. */
export const STANDARD_ENSEMBLE: readonly {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
}[] = DETECTORS.map(({ name }) => ({ name, settings: {} }));

export function findDetector(name: string): AnyDetector | undefined {
  return DETECTORS.find((detector) => detector.name === name);
}
