/** A profile, and the same profile without each of its detectors in turn: what is each one worth? */
import { join } from 'node:path';
import { ENSEMBLES } from '../../models/detectors/ensembles.js';
import { completeProfile, DEFAULT_PROFILE, type ProfileDefinition } from '../../models/profiles/profile.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import type { GivenProfile } from './profile-file.js';
import type { Variant } from './variants.js';

/**
 * The whole ensemble first.
 *
 * @param given undefined: the standard profile
 * @throws CommandFailure for an ensemble of one detector: without it, nothing is left
 */
export function ablationVariants(given: GivenProfile | undefined, outDir: string): Variant[] {
  const modelFile = given?.modelFile;
  const whole = given?.definition ?? completeProfile(DEFAULT_PROFILE, {});
  const { detectors, ensemble, without } = whole.detection;
  const isNamed = detectors.length > 0;
  const names = isNamed ? detectors.map(({ name }) => name) : readyMade(ensemble, without);
  if (names.length < 2) throw new CommandFailure(ExitCode.usage, '--ablate needs an ensemble of two detectors or more');
  const variants = names.map((name, d): Variant => {
    const isOnly = names.filter((one) => one === name).length === 1;
    const label = isOnly ? `without ${name}` : `without ${name} ${d + 1}`;
    const fewer = isNamed ? { detectors: detectors.toSpliced(d, 1) } : { without: [...without, name] };
    return {
      name: label,
      outDir: join(outDir, label.replaceAll(' ', '-')),
      profile: { ...whole, detection: { ...whole.detection, ...fewer } },
      modelFile,
    };
  });
  if (modelFile !== undefined) variants.unshift(withoutModel(whole, outDir));
  return [{ name: 'all', outDir: join(outDir, 'all'), profile: given?.definition, modelFile }, ...variants];
}

function withoutModel(whole: ProfileDefinition, outDir: string): Variant {
  const detection = { ...whole.detection };
  delete detection.model;
  return { name: 'without autoencoder', outDir: join(outDir, 'without-autoencoder'), profile: { ...whole, detection } };
}

type Detection = ProfileDefinition['detection'];

/** Each name once: a ready-made ensemble is without all of a name, or none. */
function readyMade(ensemble: Detection['ensemble'], without: Detection['without']): Detection['without'] {
  const names = ENSEMBLES[ensemble].choices.map(({ name }) => name);
  return [...new Set(names)].filter((name) => !without.includes(name));
}
