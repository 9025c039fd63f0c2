/** Trained models in files, as `redshank train` writes them. */
import { readFile, stat } from 'node:fs/promises';
import { ModelInvalidError } from '../models/errors.js';
import { decodeArtifact, MOST_ARTIFACT_BYTES, type Artifact } from '../models/neural/artifact.js';

export const MODEL_SUFFIX = '.model';

/** @throws ModelInvalidError saying what is wrong with it; Error of the file system */
export async function readModelFile(path: string): Promise<Artifact> {
  return decodeArtifact(await readModelBytes(path));
}

/** @throws ModelInvalidError when it is too large to be a model; Error of the file system */
export async function readModelBytes(path: string): Promise<Uint8Array> {
  const { size } = await stat(path);
  if (size > MOST_ARTIFACT_BYTES) {
    throw new ModelInvalidError(
      `a model artifact must have at most ${MOST_ARTIFACT_BYTES} bytes, got ${size} in ${path}`,
    );
  }
  return readFile(path);
}
