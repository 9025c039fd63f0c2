/** Profiles as people write them, in files. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { ENSEMBLE_NAMES } from '../../models/detectors/ensembles.js';
import { completeProfile, DEFAULT_PROFILE, type ProfileDefinition } from '../../models/profiles/profile.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { MODEL_SUFFIX, readModelFile } from '../model-file.js';

export interface GivenProfile {
  readonly definition: ProfileDefinition;
  /** Path of the trained model that it names. */
  readonly modelFile: string | undefined;
}

/**
 * @param file a path; the name of a ready-made ensemble: `light`, `standard`, `deep`; or a trained model, for the standard profile
 *   with it. A profile in a file may name a model by its path from there.
 * @throws CommandFailure when the file is not YAML or JSON; SettingInvalidError naming every field that is wrong; ModelInvalidError
 */
export async function readProfile(file: string): Promise<GivenProfile> {
  const ensemble = ENSEMBLE_NAMES.find((name) => name === file);
  if (ensemble !== undefined) {
    return { definition: completeProfile(DEFAULT_PROFILE, { detection: { ensemble } }), modelFile: undefined };
  }
  if (file.endsWith(MODEL_SUFFIX)) return withModel({}, file);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const names = ENSEMBLE_NAMES.join(', ');
    throw new CommandFailure(ExitCode.usage, `${file} is neither a file nor one of ${names}`, error);
  });
  let partial: unknown;
  try {
    partial = parse(text);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new CommandFailure(ExitCode.usage, `${file} is not YAML or JSON: ${reason}`, error);
  }
  if (partial !== null && typeof partial === 'object' && 'profiles' in partial) {
    const names = Object.keys(partial.profiles ?? {}).join(', ');
    throw new CommandFailure(
      ExitCode.usage,
      `${file} is a whole configuration, not a profile: put what stands below profiles.${names || 'NAME'} into a file of its own`,
    );
  }
  const model = modelPathOf(partial);
  if (model !== undefined) return withModel(partial as object, resolve(dirname(file), model));
  return { definition: completeProfile(DEFAULT_PROFILE, partial), modelFile: undefined };
}

async function withModel(partial: { readonly detection?: object }, modelFile: string): Promise<GivenProfile> {
  const { version } = await readModelFile(modelFile);
  const definition = completeProfile(DEFAULT_PROFILE, {
    ...partial,
    detection: { ...partial.detection, model: version },
  });
  return { definition, modelFile };
}

/** The model that a profile names by its path, not by its version. */
function modelPathOf(partial: unknown): string | undefined {
  const model = (partial as { detection?: { model?: unknown } | null } | null)?.detection?.model;
  return typeof model === 'string' && model.endsWith(MODEL_SUFFIX) ? model : undefined;
}
