import assert from 'node:assert/strict';
import { MOST_HOPS, MOST_RETRIES, nextAttempt, type FailedCall } from '../../../../models/calls/retry-plan.js';
import { NotFoundError, NotOwnerError, OverloadedError, StorageFailedError } from '../../../../models/errors.js';

const call = (error: unknown, rest: Partial<FailedCall> = {}): FailedCall => ({
  error,
  action: 'scorer.explain',
  isIdempotent: true,
  retries: 0,
  hops: 0,
  leftMs: 10_000,
  ...rest,
});
const moved = (refusedBy: string) => new NotOwnerError('moved', { data: { owner: 'b', refusedBy } });

describe('nextAttempt', () => {
  it('follows an owner whatever the action, a few times', () => {
    const failed = call(moved('scorer.explain'), { isIdempotent: false });
    assert.deepEqual(nextAttempt(failed, 0), { waitMs: 0, node: 'b' });
    assert.deepEqual(nextAttempt({ ...failed, hops: MOST_HOPS }, 0), { waitMs: 25 });
  });

  it('does not follow what the action met on the way', () => {
    assert.equal(nextAttempt(call(moved('ingest.push'), { isIdempotent: false }), 0), undefined);
  });

  it('repeats only what may be done twice', () => {
    const gone = new StorageFailedError('gone');
    assert.deepEqual(nextAttempt(call(gone), 0), { waitMs: 25 });
    assert.equal(nextAttempt(call(gone, { isIdempotent: false }), 0), undefined);
  });

  it('repeats only what may help', () => {
    assert.equal(nextAttempt(call(new NotFoundError('no')), 0), undefined);
    assert.equal(nextAttempt(call(new Error('bug')), 0), undefined);
  });

  it('waits longer each time, spread, and ends', () => {
    const gone = { type: 'REQUEST_TIMEOUT' };
    assert.deepEqual(nextAttempt(call(gone, { retries: 2 }), 0), { waitMs: 100 });
    assert.deepEqual(nextAttempt(call(gone, { retries: 2 }), 0.5), { waitMs: 150 });
    assert.equal(nextAttempt(call(gone, { retries: MOST_RETRIES }), 0), undefined);
  });

  it('waits as long as it is told, or not at all', () => {
    const full = new OverloadedError('full', 700);
    assert.deepEqual(nextAttempt(call(full), 0), { waitMs: 700 });
    assert.equal(nextAttempt(call(full, { leftMs: 700 }), 0), undefined);
  });
});
