import assert from 'node:assert/strict';
import { RateLimit } from '../../../../services/gateway/rate-limit.js';

describe('RateLimit', () => {
  it('counts each name by itself, and begins anew each minute', () => {
    const limit = new RateLimit(2);
    for (const name of ['a', 'b', 'a', 'b']) limit.take(name, 59_000);
    assert.throws(() => limit.take('a', 59_500), { type: 'RATE_LIMITED', data: { retryAfterMs: 500 } });
    limit.take('a', 60_000);
  });
});
