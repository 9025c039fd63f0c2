/** A profile, and the same profile without each of its detectors in turn: what is each one worth? */
import { join } from 'node:path';
import { STANDARD_ENSEMBLE } from '../../models/detectors/index.js';
import { completeProfile, DEFAULT_PROFILE, type ProfileDefinition } from '../../models/profiles/profile.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import type { Variant } from './variants.js';

/**
 * The whole ensemble first.
 *
 * @param profile undefined: the standard profile
 * @throws CommandFailure for an ensemble of one detector: without it, nothing is left
 */
export function ablationVariants(profile: ProfileDefinition | undefined, outDir: string): Variant[] {
  const whole = profile ?? completeProfile(DEFAULT_PROFILE, {});
  const named = whole.detection.detectors;
  const detectors =
    named.length > 0 ? named : STANDARD_ENSEMBLE.map(({ name, settings }) => ({ name, settings: { ...settings } }));
  if (detectors.length < 2)
    throw new CommandFailure(ExitCode.usage, '--ablate needs an ensemble of two detectors or more');
  const without = detectors.map(({ name }, d): Variant => {
    const isOnly = detectors.filter((one) => one.name === name).length === 1;
    const label = isOnly ? `without ${name}` : `without ${name} ${d + 1}`;
    return {
      name: label,
      outDir: join(outDir, label.replaceAll(' ', '-')),
      profile: { ...whole, detection: { ...whole.detection, detectors: detectors.toSpliced(d, 1) } },
    };
  });
  return [{ name: 'all', outDir: join(outDir, 'all'), profile }, ...without];
}
