import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { ModelInvalidError } from '../../../models/errors.js';
import { readNetwork, type NetworkFiles } from '../../../models/neural/exchange/network-files.js';

/** Written by Keras, see make.py. */
const read = (name: string): Buffer => readFileSync(fileURLToPath(new URL(name, import.meta.url)));
const filesOf = (name: string): NetworkFiles => ({ format: name.endsWith('.h5') ? 'h5' : 'keras', bytes: read(name) });
const EXPECTED = JSON.parse(read('expected.json').toString()) as Record<'window' | 'memory' | 'convolution', number[]>;

const refused = (files: NetworkFiles, words: RegExp) =>
  assert.throws(
    () => readNetwork(files),
    (error: unknown) => error instanceof ModelInvalidError && words.test(error.message),
  );

/** The file with other bytes wherever these occur, at least once. */
function replaced(bytes: Buffer, old: Uint8Array, by: Uint8Array): Buffer {
  const changed = Buffer.from(bytes);
  let at = changed.indexOf(old);
  assert.ok(at >= 0);
  for (; at >= 0; at = changed.indexOf(old, at + 1)) changed.set(by, at);
  return changed;
}

describe('networks that Keras saved', () => {
  for (const [file, name] of [
    ['memory.keras', 'memory'],
    ['memory.h5', 'memory'],
    ['memory-keras2.h5', 'memory'],
    ['convolution.keras', 'convolution'],
    ['convolution.h5', 'convolution'],
  ] as const) {
    it(`answer as in Keras: ${file}`, () => {
      const answer = readNetwork(filesOf(file)).run(Float64Array.from(EXPECTED.window));
      answer.forEach((value, i) => assert.ok(Math.abs(value - EXPECTED[name][i]!) < 1e-6));
    });
  }

  it('may have arrays in pieces, or in double precision', () => {
    for (const name of ['double.h5', 'chunked.h5'])
      assert.deepEqual(readNetwork(filesOf(name)).weights, Float32Array.of(1, 2, 3, 4, 5, 6));
  });

  it('are refused where Keras 3 computes something else', () => {
    refused(filesOf('hard-sigmoid.keras'), /layer dense_3 \(Dense\) must not have the hard_sigmoid of Keras 3/);
  });
});

describe('a file of Keras is refused', () => {
  const h5 = read('memory-keras2.h5');
  const archive = read('memory.keras');

  it('when it is something else, or cut', () => {
    for (const format of ['h5', 'keras'] as const) {
      refused({ format, bytes: new Uint8Array(0) }, /must be (HDF5|a zip archive)/);
      refused({ format, bytes: Buffer.from('a text') }, /must be (HDF5|a zip archive)/);
      refused({ format, bytes: new Uint8Array(130_000_000) }, /at most 128000000 bytes/);
    }
    refused({ format: 'h5', bytes: h5.subarray(0, 3_000) }, /HDF5 that is whole/);
    refused({ format: 'keras', bytes: archive.subarray(0, -10) }, /zip archive that is whole/);
  });

  it('when an array is no numbers, or missing', () => {
    const [first] = readNetwork({ format: 'h5', bytes: h5 }).weights;
    const float = (value: number): Uint8Array => new Uint8Array(Float32Array.of(value).buffer);
    refused({ format: 'h5', bytes: replaced(h5, float(first!), float(NaN)) }, /kernel of layer lstm .* got NaN at 0/);
    const renamed = replaced(h5, Buffer.from('dense/kernel:0'), Buffer.from('dense/kernel:9'));
    refused({ format: 'h5', bytes: renamed }, /layer dense must have one kernel in the file, got 0/);
    const nameless = replaced(h5, Buffer.from('model_config'), Buffer.from('modelXconfig'));
    refused({ format: 'h5', bytes: nameless }, /must have an attribute model_config, got none: save the whole model/);
  });

  it('when an array would grow as it is unpacked, or is of half precision', () => {
    refused(filesOf('compressed.h5'), /HDF5 that is whole, and written as Keras writes it, got: .*Filter/);
    refused(filesOf('half.h5'), /floats of 32 or 64 bits, got <f2/);
  });

  it('when an archive has no such parts, or unpacks to more than it may', () => {
    const config = { 'config.json': Buffer.from('{}') };
    refused({ format: 'keras', bytes: zipSync({}) }, /must have metadata.json/);
    refused({ format: 'keras', bytes: zipSync({ 'metadata.json': Buffer.from('{}'), ...config }) }, /keras_version/);
    const bomb = zipSync({ 'model.weights.h5': new Uint8Array(140_000_000) }, { level: 1 });
    assert.ok(bomb.length < 1_000_000);
    refused({ format: 'keras', bytes: bomb }, /model.weights.h5 must have at most 128000000 bytes, got 140000000/);
    // One that lies about its size is unpacked into the room that it asked for, and no more.
    const size = Buffer.alloc(4);
    size.writeUInt32LE(140_000_000);
    const lie = replaced(Buffer.from(bomb), size, Buffer.from([100, 0, 0, 0]));
    refused({ format: 'keras', bytes: lie }, /zip archive that is whole|must have/);
  });
});
