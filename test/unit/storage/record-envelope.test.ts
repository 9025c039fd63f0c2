import assert from 'node:assert/strict';
import { openRecord, sealRecord } from '../../../storage/journal/record-envelope.js';

const STREAM = { topic: 'readings', partition: 3 } as const;
const TRACE = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;

describe('record envelope', () => {
  it('of a record without a trace is as it has always been', () => {
    // Written by a release that knew of no traces.
    const old = Uint8Array.from(Buffer.from('867f894a00000000616263', 'hex'));
    assert.deepEqual(sealRecord(STREAM, 7, Buffer.from('abc')), old);
    assert.equal(openRecord(STREAM, 7, old).traceparent, undefined);
  });

  it('keeps a trace, and no other text in its place', () => {
    const { payload, traceparent } = openRecord(STREAM, 7, sealRecord(STREAM, 7, Buffer.from('abc'), TRACE));
    assert.deepEqual([Buffer.from(payload).toString(), traceparent], ['abc', TRACE]);
    assert.equal(openRecord(STREAM, 7, sealRecord(STREAM, 7, Buffer.from('abc'), 'short')).traceparent, undefined);
  });

  it('is refused with any bit flipped', () => {
    for (const trace of [undefined, TRACE]) {
      const sealed = sealRecord(STREAM, 7, Buffer.alloc(60, 1), trace);
      for (let bit = 0; bit < sealed.length * 8; bit++) {
        const flipped = Uint8Array.from(sealed);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        assert.throws(() => openRecord(STREAM, 7, flipped), { type: 'STORAGE_CORRUPT' }, `bit ${bit}`);
      }
    }
  });
});
