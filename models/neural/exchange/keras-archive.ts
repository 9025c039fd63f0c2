import { unzipSync } from 'fflate';
import { ModelInvalidError } from '../../errors.js';
import type { Network } from '../network.js';
import { Hdf5File } from './hdf5-file.js';
import { isFields, MOST_JSON_BYTES, parseJson, told } from './json-bytes.js';
import { readKerasModel } from './keras-config.js';
import { networkFrom } from './keras-weights.js';

const CONFIG = 'config.json';
const METADATA = 'metadata.json';
const WEIGHTS = 'model.weights.h5';

/** In the folder of a layer: where its arrays are, which have numbers for names. */
const ARRAYS: Readonly<Record<string, string>> = {
  Dense: 'dense/vars',
  Conv1D: 'conv1d/vars',
  LSTM: 'lstm/cell/vars',
  TimeDistributed: 'time_distributed/layer/vars',
};

/**
 * A model as Keras 3 saves it: a zip of what it is, which Keras wrote it, and its weights.
 *
 * @param mostBytes what the weights may take when they are unpacked
 * @throws ModelInvalidError naming what is wrong
 */
export function readKerasArchive(bytes: Uint8Array, mostBytes: number): Network {
  const entries = unpack(bytes, { [CONFIG]: MOST_JSON_BYTES, [METADATA]: MOST_JSON_BYTES, [WEIGHTS]: mostBytes });
  const entry = (name: string): Uint8Array => {
    const found = entries.get(name);
    if (found === undefined) throw new ModelInvalidError(`the archive must have ${name}, got none`);
    return found;
  };
  const metadata = parseJson(entry(METADATA), METADATA);
  const version = isFields(metadata) ? metadata['keras_version'] : undefined;
  if (typeof version !== 'string')
    throw new ModelInvalidError(`${METADATA} must say keras_version, got ${told(version)}`);
  const keras = readKerasModel(parseJson(entry(CONFIG), CONFIG), version);
  const file = new Hdf5File(entry(WEIGHTS));
  return networkFrom(keras, ({ className, ordinal }, _role, at) => {
    const [folder, ...rest] = ARRAYS[className]!.split('/');
    return file.array(`layers/${ordinal === 0 ? folder! : `${folder!}_${ordinal}`}/${rest.join('/')}/${at}`);
  });
}

/** @param wanted names and the most bytes of each; others are left packed */
function unpack(bytes: Uint8Array, wanted: Readonly<Record<string, number>>): ReadonlyMap<string, Uint8Array> {
  try {
    const entries = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        if (!Object.hasOwn(wanted, name)) return false;
        if (originalSize <= wanted[name]!) return true;
        throw new ModelInvalidError(`${name} must have at most ${wanted[name]!} bytes, got ${originalSize}`);
      },
    });
    return new Map(Object.entries(entries));
  } catch (error) {
    if (error instanceof ModelInvalidError) throw error;
    throw new ModelInvalidError('the file must be a zip archive that is whole', { cause: error });
  }
}
