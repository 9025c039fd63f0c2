/** Profiles as people write them, in files. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { ENSEMBLE_NAMES } from '../../models/detectors/ensembles.js';
import { completeProfile, DEFAULT_PROFILE, type ProfileDefinition } from '../../models/profiles/profile.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';

/**
 * @param file a path, or the name of a ready-made ensemble: `light`, `standard`, `deep`
 * @throws CommandFailure when the file is not YAML or JSON; SettingInvalidError naming every field that is wrong
 */
export async function readProfile(file: string): Promise<ProfileDefinition> {
  const ensemble = ENSEMBLE_NAMES.find((name) => name === file);
  if (ensemble !== undefined) return completeProfile(DEFAULT_PROFILE, { detection: { ensemble } });
  const text = await readFile(file, 'utf8');
  let partial: unknown;
  try {
    partial = parse(text);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new CommandFailure(ExitCode.usage, `${file} is not YAML or JSON: ${reason}`, error);
  }
  return completeProfile(DEFAULT_PROFILE, partial);
}
