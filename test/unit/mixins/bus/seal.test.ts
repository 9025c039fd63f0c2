import assert from 'node:assert/strict';
import { OURSELVES, type Caller } from '../../../../mixins/bus/caller.js';
import { createSeal } from '../../../../mixins/bus/seal.js';

describe('Seal', () => {
  const ann: Caller = { kind: 'key', name: 'ann', tenant: 'acme', role: 'viewer' };
  const use = { action: 'scorer.predict', node: 'scorer.a-1' };
  let nowMs: number;
  const seal = () => createSeal(new Uint8Array(32).fill(7), 'gateway', { wallMs: () => nowMs, monotonicMs: () => 0 });
  beforeEach(() => (nowMs = 1_000_500));

  it('gives the same ticket for the same use within a second, and another one for all else', () => {
    const own = seal();
    const tickets = new Set<string>();
    for (const caller of [
      ann,
      { ...ann, name: 'bob' },
      { ...ann, tenant: 'globex' },
      { ...ann, role: 'admin' as const },
      OURSELVES,
    ]) {
      for (const action of ['scorer.predict', 'scorer.explain']) {
        for (const node of ['scorer.a-1', 'scorer.b-2']) {
          const ticket = own.close(caller, { action, node });
          assert.equal(own.close(caller, { action, node }), ticket);
          tickets.add(ticket);
        }
      }
    }
    assert.equal(tickets.size, 5 * 2 * 2);
    const before = own.close(ann, use);
    nowMs += 1_000;
    assert.notEqual(own.close(ann, use), before);
  });

  it('opens what it has opened before for the same use only, and only as long as it is good', () => {
    const [ours, theirs] = [seal(), seal()];
    const ticket = ours.close(ann, use);
    for (let again = 0; again < 2; again++) {
      const opened = theirs.open(ticket, use);
      assert.ok(typeof opened !== 'string' && opened.name === 'ann' && opened.tenant === 'acme');
    }
    assert.equal(theirs.open(ticket, { ...use, node: 'scorer.b-2' }), 'forged');
    assert.equal(theirs.open(ticket, { ...use, action: 'scorer.explain' }), 'forged');
    assert.equal(theirs.open(`${ticket}\0${use.action}`, use), 'malformed');
    nowMs += 91_000;
    assert.equal(theirs.open(ticket, use), 'expired');
  });

  it('remembers no more than so many', () => {
    const own = seal();
    const first = own.close(ann, use);
    for (let i = 0; i < 1_000; i++) own.close({ ...ann, name: `k${i}` }, use);
    assert.notEqual(own.close(ann, use), first);
  });
});
