import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatTraceparent, parseTraceparent } from '../../../../models/tracing/traceparent.js';

const hex = (digits: number) =>
  fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`)).filter((text) => !/^0+$/.test(text));
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('traceparent', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(hex(32), hex(16), fc.boolean(), (traceId, spanId, isSampled) => {
        const context = { traceId, spanId, isSampled };
        assert.deepEqual(parseTraceparent(formatTraceparent(context)), context);
      }),
    );
  });

  it('is read as the standard says', () => {
    assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-00`)?.isSampled, false);
    // Flags of later versions are ignored, except the one that is known.
    assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-fe`)?.isSampled, false);
    assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-ff`)?.isSampled, true);
    assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes-later`)?.spanId, SPAN);
  });

  for (const bad of [
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `cc-${TRACE}-${SPAN}-01.more`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}`,
    ` 00-${TRACE}-${SPAN}-01`,
    `cc-${TRACE}-${SPAN}-01-${'x'.repeat(300)}`,
    '',
  ]) {
    it(`is not ${bad.slice(0, 70)}`, () => assert.equal(parseTraceparent(bad), undefined));
  }

  it('is no other thing', () => {
    fc.assert(fc.property(fc.anything(), (value) => assert.equal(parseTraceparent(value), undefined)));
  });
});
