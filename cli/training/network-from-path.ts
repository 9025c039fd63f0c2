import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelInvalidError } from '../../models/errors.js';
import { MOST_JSON_BYTES } from '../../models/neural/exchange/json-bytes.js';
import { shardNames } from '../../models/neural/exchange/layers-model.js';
import { MOST_NETWORK_BYTES, type NetworkFiles } from '../../models/neural/exchange/network-files.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';

/**
 * Bytes of a network that was trained elsewhere; what they mean is looked at where it cannot keep anybody waiting.
 *
 * @param path a folder with `model.json`, a `.keras` or an `.h5`
 * @throws CommandFailure for another path; ModelInvalidError when it is too large, or names files elsewhere; Error of the file system
 */
export async function networkFilesFrom(path: string): Promise<NetworkFiles> {
  if ((await stat(path)).isDirectory()) {
    const model = await readPart(join(path, 'model.json'), MOST_JSON_BYTES);
    const shards = new Map<string, Uint8Array>();
    let left = MOST_NETWORK_BYTES - model.length;
    for (const name of new Set(shardNames(model))) {
      const bytes = await readPart(join(path, name), left);
      shards.set(name, bytes);
      left -= bytes.length;
    }
    return { format: 'layers', model, shards };
  }
  const suffix = /\.(keras|h5|hdf5)$/i.exec(path)?.[1]?.toLowerCase();
  if (suffix === undefined)
    throw new CommandFailure(
      ExitCode.usage,
      `--network must be a folder with model.json, a .keras or an .h5, got ${path}`,
    );
  return { format: suffix === 'keras' ? 'keras' : 'h5', bytes: await readPart(path, MOST_NETWORK_BYTES) };
}

async function readPart(path: string, mostBytes: number): Promise<Uint8Array> {
  const found = await stat(path);
  // A device or a pipe would never end.
  if (!found.isFile()) throw new ModelInvalidError(`${path} must be a file`);
  if (found.size > mostBytes)
    throw new ModelInvalidError(`${path} must have at most ${mostBytes} bytes, got ${found.size}`);
  return readFile(path);
}
