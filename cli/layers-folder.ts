/** A trained model in the layers format of TensorFlow.js, for programs that know nothing of ours. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from '../models/neural/artifact.js';
import { writeLayersModel } from '../models/neural/exchange/layers-model.js';
import { makeFolder } from '../storage/make-folder.js';

const SHARD = 'weights.bin';
/** The last says what the network itself does not: whose values it reads, in which units, and what errors are usual. */
export const LAYERS_FILES = ['model.json', SHARD, 'redshank.json'] as const;

/** @param folder made where it is not there; files of these names in it are replaced */
export async function writeLayersFolder(folder: string, { version, header, network }: Artifact): Promise<void> {
  const { model, weights } = writeLayersModel(network, SHARD);
  const { architecture, channels, normaliser, errors, training } = header;
  const about = { version, architecture, channels, normaliser, errors, training };
  const contents = [model, weights, `${JSON.stringify(about, null, 2)}\n`];
  makeFolder(folder);
  await Promise.all(LAYERS_FILES.map((name, i) => writeFile(join(folder, name), contents[i]!)));
}
