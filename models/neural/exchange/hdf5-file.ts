/**
 * HDF5 read from bytes. The library is plain JavaScript: nothing of a file can do more than be misread. What it throws, also from
 * bytes at random, becomes a refusal; a file that was made to keep it busy is the reader's thread to end (`training-thread.ts`).
 */
import { Dataset, File, Filters, Group } from 'jsfive';
import { ModelInvalidError } from '../../errors.js';
import { told } from './json-bytes.js';
import type { ForeignArray } from './keras-weights.js';

// Keras compresses nothing, and what is not unpacked cannot grow.
Filters.clear();

/** Others of two bytes look alike: half and brain floats. */
const FLOATS = /^[<>]f[48]$/;

export class Hdf5File {
  readonly #root: Group;

  /** @throws ModelInvalidError when it is none */
  constructor(bytes: Uint8Array) {
    // A buffer of its own: the library counts from the beginning of that. (`slice` of Node's buffers would not copy.)
    this.#root = guarded(() => new File(new Uint8Array(bytes).buffer));
  }

  /** @returns undefined where there is no such group or attribute; texts without the zeros that fill them */
  attribute(path: string, name: string): unknown {
    const node = this.#find(path);
    const value =
      node === undefined ? undefined : guarded(() => (Object.hasOwn(node.attrs, name) ? node.attrs[name] : undefined));
    return Array.isArray(value) ? value.map(withoutFill) : withoutFill(value);
  }

  /** @throws ModelInvalidError when it is not there, or holds no floats of 32 or 64 bits */
  array(path: string): ForeignArray {
    const node = this.#find(path);
    if (!(node instanceof Dataset)) throw new ModelInvalidError(`the file must have the array ${told(path)}, got none`);
    return guarded(() => {
      if (typeof node.dtype !== 'string' || !FLOATS.test(node.dtype))
        throw new ModelInvalidError(`${told(path)} must hold floats of 32 or 64 bits, got ${told(node.dtype)}`);
      return { shape: [...node.shape], values: () => guarded(() => numbersOf(node, path)) };
    });
  }

  #find(path: string): Group | Dataset | undefined {
    return guarded(() => {
      let node: unknown = this.#root;
      for (const part of path.split('/').filter((name) => name !== '')) {
        if (!(node instanceof Group) || !node.keys.includes(part)) return undefined;
        node = node.get(part);
      }
      return node instanceof Group || node instanceof Dataset ? node : undefined;
    });
  }
}

function numbersOf({ value }: Dataset, path: string): ArrayLike<number> {
  // The library has no answer for a way of storing that it does not know.
  if (!Array.isArray(value)) throw new ModelInvalidError(`${told(path)} must be stored as Keras does, and is not`);
  return value as number[];
}

function withoutFill(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/\0+$/, '') : value;
}

function guarded<T>(work: () => T): T {
  // The library tells the console of attributes that it cannot read, by names that the file gives them.
  const { warn } = console;
  console.warn = () => undefined;
  try {
    return work();
  } catch (error) {
    if (error instanceof ModelInvalidError) throw error;
    const reason = told(error instanceof Error ? error.message : String(error));
    throw new ModelInvalidError(`the file must be HDF5 that is whole, and written as Keras writes it, got: ${reason}`, {
      cause: error,
    });
  } finally {
    console.warn = warn;
  }
}
