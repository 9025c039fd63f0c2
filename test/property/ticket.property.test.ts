import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import {
  CLOCK_SKEW_SEC,
  signTicket,
  TICKET_LIFETIME_SEC,
  verifyTicket,
  type Ticket,
} from '../../models/security/ticket.js';

const word = fc.string({ maxLength: 40, unit: 'grapheme' });
const use = fc.record({ action: word, node: word });
const ticket = fc.record({
  name: word,
  tenant: word,
  role: word,
  issuedSec: fc.integer({ min: 0, max: 2 ** 40 }),
  nonce: word,
});
const secret = fc.uint8Array({ minLength: 32, maxLength: 64 }).map((bytes) => createSecretKey(bytes));

describe('tickets', () => {
  it('say what was signed, for as long as they live', () => {
    const age = fc.integer({ min: -CLOCK_SKEW_SEC, max: TICKET_LIFETIME_SEC + CLOCK_SKEW_SEC });
    fc.assert(
      fc.property(ticket, use, secret, age, (signed, use, secret, ageSec) => {
        const text = signTicket(signed, use, secret);
        assert.deepEqual(verifyTicket(text, use, secret, signed.issuedSec + ageSec), { ...signed });
      }),
    );
  });

  it('are good for nothing else', () => {
    fc.assert(
      fc.property(ticket, use, use, secret, secret, (signed, use, otherUse, secret, otherSecret) => {
        fc.pre(use.action !== otherUse.action || use.node !== otherUse.node);
        const text = signTicket(signed, use, secret);
        assert.equal(verifyTicket(text, otherUse, secret, signed.issuedSec), 'forged');
        fc.pre(!secret.equals(otherSecret));
        assert.equal(verifyTicket(text, use, otherSecret, signed.issuedSec), 'forged');
      }),
    );
  });

  it('end', () => {
    const outside = fc.oneof(fc.integer({ min: 91, max: 10_000 }), fc.integer({ min: -10_000, max: -31 }));
    fc.assert(
      fc.property(ticket, use, secret, outside, (signed, use, secret, ageSec) => {
        const text = signTicket(signed, use, secret);
        assert.equal(verifyTicket(text, use, secret, signed.issuedSec + ageSec), 'expired');
      }),
    );
  });

  it('cannot be changed in any place', () => {
    const signed: Ticket = { name: 'ann', tenant: 'default', role: 'admin', issuedSec: 1_000, nonce: 'n' };
    const key = createSecretKey(Buffer.alloc(32, 7));
    const target = { action: 'ingest.push', node: 'a' };
    const text = signTicket(signed, target, key);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('A', 'a', '0', '_', '-', '.', ''), (at, put) => {
        const changed = text.slice(0, at) + put + text.slice(at + 1);
        fc.pre(changed !== text);
        const fault = verifyTicket(changed, target, key, 1_000);
        assert.ok(fault === 'malformed' || fault === 'forged');
      }),
    );
  });

  it('are not made of other things', () => {
    const key = createSecretKey(Buffer.alloc(32, 7));
    fc.assert(
      fc.property(fc.anything(), (text) => {
        assert.equal(verifyTicket(text, { action: 'x', node: 'a' }, key, 0), 'malformed');
      }),
    );
  });
});
