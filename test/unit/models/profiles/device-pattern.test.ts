import assert from 'node:assert/strict';
import { fitsPattern } from '../../../../models/profiles/device-pattern.js';

describe('a device pattern', () => {
  const cases: readonly [string, string, boolean][] = [
    ['pump-*', 'pump-', true],
    ['pump-*', 'pump-7/left', true],
    ['pump-*', 'a-pump-7', false],
    ['*-left', 'pump/7-left', true],
    ['p*-*t', 'p-7-left', true],
    ['pump-?', 'pump-7', true],
    ['pump-?', 'pump-', false],
    ['pump-?', 'pump-77', false],
    ['pump', 'pump-7', false],
    ['.*', 'pump', false],
    ['pump-[7]', 'pump-7', false],
    ['pump-{7,8}', 'pump-7', false],
    ['!pump', 'fan', false],
    ['**', 'a/b', true],
    ['pump-*-', 'pump-7', false],
  ];
  for (const [pattern, device, fits] of cases) {
    it(`${pattern} ${fits ? 'fits' : 'does not fit'} ${device}`, () => {
      assert.equal(fitsPattern(pattern, device), fits);
    });
  }

  it('comes to an end, however cruel', () => {
    const device = '-'.repeat(128);
    for (const part of ['*-', '*-?', '?*-*', '**-']) {
      assert.equal(fitsPattern(`${part.repeat(60)}x`, device), false);
    }
  });
});
