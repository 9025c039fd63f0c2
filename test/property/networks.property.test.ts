import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { ModelInvalidError } from '../../models/errors.js';
import { readNetwork, type NetworkFiles } from '../../models/neural/exchange/network-files.js';
import { Network } from '../../models/neural/network.js';
import { savedByUs } from '../support/layers-files.js';

const golden = (name: string): Uint8Array =>
  // No buffer of Node's: `slice` must copy.
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../golden/networks/${name}`, import.meta.url))));

const layers = savedByUs(
  new Network(
    { steps: 2, channels: 2, layers: [{ type: 'dense', units: 2, activation: 'tanh' }] },
    Float32Array.of(1, 2, 3, 4, 5, 6),
  ),
);

const SAMPLES: Readonly<Record<string, readonly [Uint8Array, (bytes: Uint8Array) => NetworkFiles]>> = {
  'model.json': [layers.model, (model) => ({ ...layers, model })],
  'memory.keras': [golden('memory.keras'), (bytes) => ({ format: 'keras', bytes })],
  'memory.h5': [golden('memory.h5'), (bytes) => ({ format: 'h5', bytes })],
  'memory-keras2.h5': [golden('memory-keras2.h5'), (bytes) => ({ format: 'h5', bytes })],
};

describe('a network in a format of others', function () {
  this.timeout(60_000);
  for (const [name, [bytes, filesOf]] of Object.entries(SAMPLES)) {
    it(`is read or refused, whatever became of ${name}`, () => {
      // Half of them where a file says what it holds, at its beginning.
      const at = fc.oneof(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: Math.min(3_000, bytes.length - 1) }));
      const value = fc.oneof(fc.constantFrom(0, 1, 127, 255), fc.integer({ min: 0, max: 255 }));
      const changes = fc.array(fc.tuple(at, value), { maxLength: 6 });
      const length = fc.oneof(fc.constant(bytes.length), fc.nat({ max: bytes.length }));
      fc.assert(
        fc.property(changes, length, (changed, kept) => {
          const damaged = bytes.slice(0, kept);
          for (const [position, byte] of changed) if (position < kept) damaged[position] = byte;
          try {
            readNetwork(filesOf(damaged));
          } catch (error) {
            assert.ok(error instanceof ModelInvalidError, String(error));
          }
        }),
        { numRuns: 1_000 },
      );
    });
  }
});
