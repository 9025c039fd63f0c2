import { ModelInvalidError } from '../../errors.js';
import type { Network } from '../network.js';
import { Hdf5File } from './hdf5-file.js';
import { parseJson, told } from './json-bytes.js';
import { readKerasModel } from './keras-config.js';
import { networkFrom } from './keras-weights.js';

/**
 * A whole model as Keras 2 saves it in HDF5, and Keras 3 still can: what it is as JSON in an attribute, weights in a group a layer.
 *
 * @throws ModelInvalidError naming what is wrong
 */
export function readKerasH5(bytes: Uint8Array): Network {
  const file = new Hdf5File(bytes);
  const config = file.attribute('/', 'model_config');
  if (typeof config !== 'string') {
    throw new ModelInvalidError(
      'the file must have an attribute model_config, got none: save the whole model, not its weights',
    );
  }
  const model = parseJson(new TextEncoder().encode(config), 'the attribute model_config');
  const keras = readKerasModel(model, file.attribute('/', 'keras_version'));
  return networkFrom(keras, ({ name }, role) => {
    const group = `model_weights/${name}`;
    const paths = file.attribute(group, 'weight_names');
    const found = (Array.isArray(paths) ? paths : []).filter(
      (path): path is string => typeof path === 'string' && path.replace(/:0$/, '').split('/').at(-1) === role,
    );
    if (found.length !== 1)
      throw new ModelInvalidError(`layer ${told(name)} must have one ${role} in the file, got ${found.length}`);
    return file.array(`${group}/${found[0]!}`);
  });
}
