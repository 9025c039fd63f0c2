import assert from 'node:assert/strict';
import { memoryLimiter } from '../../../../storage/limits/limiters.js';

describe('memoryLimiter', () => {
  const limiter = () => memoryLimiter({ name: 'readings', points: 100, windowSec: 10 });

  it('counts down, and refuses what is more than is left', async () => {
    const limit = limiter();
    assert.deepEqual((({ isAllowed, remaining }) => ({ isAllowed, remaining }))(await limit.take('k', 60)), {
      isAllowed: true,
      remaining: 40,
    });
    assert.equal((await limit.take('k', 60)).isAllowed, false);
    assert.equal((await limit.take('another', 60)).isAllowed, true);
  });

  it('lets through at once what no window could hold, and then nothing for as long as that would have lasted', async () => {
    const limit = limiter();
    assert.equal((await limit.take('k', 250)).isAllowed, true);
    const { isAllowed, resetMs } = await limit.take('k', 1);
    assert.equal(isAllowed, false);
    assert.ok(resetMs > 24_000 && resetMs <= 25_000, `${resetMs} ms`);
  });

  it('refuses that where something was taken before', async () => {
    const limit = limiter();
    await limit.take('k', 1);
    assert.equal((await limit.take('k', 250)).isAllowed, false);
  });
});
