/** Trained networks in formats of others, as bytes. */
import { ModelInvalidError } from '../../errors.js';
import type { Network } from '../network.js';
import { readKerasArchive } from './keras-archive.js';
import { readKerasH5 } from './keras-h5.js';
import { readLayersModel } from './layers-model.js';

export type NetworkFiles =
  | { readonly format: 'layers'; readonly model: Uint8Array; readonly shards: ReadonlyMap<string, Uint8Array> }
  | { readonly format: 'h5' | 'keras'; readonly bytes: Uint8Array };

/** Of all files of a network: the most weights in double precision, with what an optimizer keeps for each. */
export const MOST_NETWORK_BYTES = 128_000_000;

/** @throws ModelInvalidError naming what is wrong: damaged, too large, or with something that is not known here */
export function readNetwork(files: NetworkFiles): Network {
  const size =
    files.format === 'layers'
      ? [files.model, ...files.shards.values()].reduce((sum, { length }) => sum + length, 0)
      : files.bytes.length;
  if (size > MOST_NETWORK_BYTES)
    throw new ModelInvalidError(`a network must have at most ${MOST_NETWORK_BYTES} bytes, got ${size}`);
  switch (files.format) {
    case 'layers':
      return readLayersModel(files.model, files.shards);
    case 'h5':
      return readKerasH5(files.bytes);
    case 'keras':
      return readKerasArchive(files.bytes, MOST_NETWORK_BYTES);
  }
}
