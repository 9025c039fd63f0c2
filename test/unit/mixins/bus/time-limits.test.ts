import assert from 'node:assert/strict';
import { timeLimits } from '../../../../mixins/bus/call-policy.js';

describe('timeLimits', () => {
  it('takes what the caller asks, else the own of the action, else the default', () => {
    assert.equal(timeLimits(500, { timeoutMs: 200 }, 1_000, Infinity).wholeMs, 500);
    assert.equal(timeLimits(undefined, { timeoutMs: 200 }, 1_000, Infinity).wholeMs, 200);
    assert.equal(timeLimits(null, {}, 1_000, Infinity).wholeMs, 1_000);
  });

  it('never takes more than the parent has left, and never none', () => {
    assert.equal(timeLimits(500, {}, 1_000, 90).wholeMs, 90);
    assert.equal(timeLimits(0, {}, 1_000, Infinity).wholeMs, 1_000);
    assert.equal(timeLimits(Infinity, {}, 1_000, Infinity).wholeMs, 3_600_000);
  });

  it('leaves an idempotent action time for a second attempt', () => {
    const limits = timeLimits(undefined, { timeoutMs: 200, isIdempotent: true }, 1_000, Infinity);
    assert.deepEqual(limits, { wholeMs: 1_000, attemptMs: 200 });
  });
});
