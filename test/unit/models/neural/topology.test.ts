import assert from 'node:assert/strict';
import { ModelInvalidError } from '../../../../models/errors.js';
import { planLayers } from '../../../../models/neural/topology.js';

const dense = (units: number) => ({ type: 'dense', units, activation: 'linear' });
const refused = (topology: unknown, words: RegExp) =>
  assert.throws(
    () => planLayers(topology),
    (error: unknown) => error instanceof ModelInvalidError && words.test(error.message),
  );

describe('the layers of a model', () => {
  it('are of a kind that is known, with nothing else', () => {
    refused({ steps: 4, channels: 2, layers: [{ type: 'lambda', code: 'process.exit()' }] }, /layer that is known/);
    refused({ steps: 4, channels: 2, layers: [{ ...dense(2), extra: 1 }] }, /layer that is known/);
    refused({ steps: 4, channels: 2, layers: [] }, /topology/);
    refused(null, /topology/);
  });

  it('end with a window', () => {
    refused({ steps: 4, channels: 2, layers: [dense(3)] }, /4 rows of 2 numbers, got 4 rows of 3/);
    refused({ steps: 4, channels: 2, layers: [{ type: 'flatten' }] }, /got a vector of 8/);
  });

  it('fit to each other', () => {
    refused({ steps: 4, channels: 2, layers: [{ type: 'repeat', steps: 4 }] }, /layer 0 \(repeat\) must read a vector/);
    refused({ steps: 4, channels: 2, layers: [{ type: 'reshape', steps: 3, units: 3 }] }, /must read 9 numbers/);
  });

  it('are not larger than a scorer can bear', () => {
    const wide = [dense(60_000), dense(2)];
    refused({ steps: 4, channels: 2, layers: [dense(60_000), ...wide] }, /at most 3500000 weights/);
    refused({ steps: 1_024, channels: 2, layers: [dense(4_000), dense(2)] }, /at most 1000000 numbers/);
    refused(
      { steps: 1_024, channels: 2, layers: [dense(900), dense(900), dense(2)] },
      /at most 500000000 multiplications/,
    );
  });
});
