import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fitsPattern } from '../../models/profiles/device-pattern.js';

/** The definition, tried in every way. */
function fits(pattern: string, device: string): boolean {
  if (pattern === '') return device === '';
  const rest = pattern.slice(1);
  if (pattern.startsWith('*')) return fits(rest, device) || (device !== '' && fits(pattern, device.slice(1)));
  return device !== '' && (pattern.startsWith('?') || pattern[0] === device[0]) && fits(rest, device.slice(1));
}

describe('device pattern, properties', () => {
  it('fits what the definition says', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?'), maxLength: 8 });
    const device = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 10 });
    fc.assert(
      fc.property(pattern, device, (wanted, id) => {
        assert.equal(fitsPattern(wanted, id), fits(wanted, id));
      }),
      { numRuns: 2_000 },
    );
  });
});
