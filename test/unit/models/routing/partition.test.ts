import assert from 'node:assert/strict';
import { partitionOf } from '../../../../models/routing/partition.js';

describe('partitionOf', () => {
  it('is the same for ever: logs were written by it', () => {
    const keys = ['default/pump-7', 'default/pump-8', 'acme/a', 'acme/rack 1'.replace(' ', '/'), 'x/'.padEnd(128, 'y')];
    assert.deepEqual(
      keys.map((key) => partitionOf(key, 32)),
      [14, 7, 30, 27, 27],
    );
  });

  it('spreads ids that count up', () => {
    for (const partitions of [8, 32, 100]) {
      const devices = 1_000 * partitions;
      const sizes = new Uint32Array(partitions);
      for (let i = 0; i < devices; i++) sizes[partitionOf(`default/device-${i}`, partitions)]!++;
      assert.ok(Math.max(...sizes) < 1_200, `largest of ${partitions}: ${Math.max(...sizes)}`);
      assert.ok(Math.min(...sizes) > 800, `smallest of ${partitions}: ${Math.min(...sizes)}`);
    }
  });
});
