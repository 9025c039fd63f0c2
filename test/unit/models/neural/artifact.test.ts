import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ModelInvalidError } from '../../../../models/errors.js';
import { decodeArtifact, encodeArtifact, type ArtifactHeader } from '../../../../models/neural/artifact.js';
import { trainedModel, trainedModelBytes } from '../../../support/trained-model.js';

const refused = (work: () => unknown, words: RegExp) =>
  assert.throws(work, (error: unknown) => error instanceof ModelInvalidError && words.test(error.message));

describe('a model artifact', function () {
  this.timeout(60_000);
  let bytes: Uint8Array;
  let header: ArtifactHeader;
  let weights: Float32Array;

  before(async () => {
    bytes = await trainedModelBytes();
    const model = await trainedModel();
    header = model.header;
    weights = model.network.weights;
  });

  it('is read as it was written, and named by its content', () => {
    assert.deepEqual(encodeArtifact(header, weights), bytes);
    const again = decodeArtifact(bytes);
    assert.deepEqual([again.header, again.network.weights], [header, weights]);
    const other = decodeArtifact(encodeArtifact({ ...header, channels: ['a', 'b'] }, weights));
    assert.match(again.version, /^[0-9a-f]{64}$/);
    assert.notEqual(other.version, again.version);
  });

  it('is refused when it is something else, or cut', () => {
    refused(() => decodeArtifact(new Uint8Array(0)), /must begin with RSHKMDL1/);
    refused(() => decodeArtifact(Buffer.from('{"a model":"in JSON"}')), /must begin with RSHKMDL1/);
    refused(() => decodeArtifact(bytes.subarray(0, bytes.length - 4)), /weights, got/);
    refused(() => decodeArtifact(bytes.subarray(0, bytes.length - 3)), /whole weights/);
    refused(() => decodeArtifact(bytes.subarray(0, 100)), /header of at most/);
    refused(() => decodeArtifact(new Uint8Array(20_000_000)), /at most \d+ bytes/);
  });

  it('is refused with weights that are no numbers', () => {
    for (const bad of [NaN, Infinity]) refused(() => encodeArtifact(header, weights.with(3, bad)), /finite number/);
    const damaged = bytes.slice();
    new DataView(damaged.buffer).setFloat32(damaged.length - 4, NaN, true);
    refused(() => decodeArtifact(damaged), /finite number/);
  });

  it('is refused with a header that does not fit itself', () => {
    const write = (change: object) => () => encodeArtifact({ ...header, ...change }, weights);
    refused(write({ channels: ['flow'] }), /must have 1 of topology.channels, got 2/);
    refused(write({ channels: ['flow', 'flow'] }), /each channel once/);
    refused(write({ normaliser: { ...header.normaliser, spread: [1, 0] } }), /normaliser.spread.1/);
    refused(write({ path: '../../etc/passwd' }), /wrong header.path/);
  });

  it('never does anything but be read or be refused', () => {
    const change = fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), fc.nat({ max: 40 }), (changes, cut) => {
        const damaged = bytes.slice(0, bytes.length - cut);
        for (const [at, value] of changes) if (at < damaged.length) damaged[at] = value;
        try {
          decodeArtifact(damaged);
        } catch (error) {
          assert.ok(error instanceof ModelInvalidError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
