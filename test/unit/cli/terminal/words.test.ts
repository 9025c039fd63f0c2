import assert from 'node:assert/strict';
import { formatBytes, formatDuration, formatValue } from '../../../../cli/terminal/amounts.js';
import { tableLines } from '../../../../cli/terminal/table.js';

describe('amounts in words', () => {
  for (const [ms, words] of [
    [12, '12ms'],
    [41_000, '41s'],
    [200_000, '3m 20s'],
    [7_500_000, '2h 5m'],
    [349_200_000, '4d 1h'],
  ] as const) {
    it(`${ms} ms is ${words}`, () => assert.equal(formatDuration(ms), words));
  }

  it('keeps the digits that mean something', () => {
    assert.equal(formatValue(71.234567), '71.235');
    assert.equal(formatValue(null), '–');
    assert.equal(formatBytes(1_500_000), '1.5 MB');
  });
});

describe('tableLines', () => {
  it('aligns columns, numbers right', () => {
    assert.deepEqual(
      tableLines(
        ['a', 'n'],
        [
          ['long', 5],
          ['b', 12],
        ],
      ),
      ['a      n', 'long   5', 'b     12'],
    );
  });

  it('lets nobody outside move the cursor', () => {
    assert.ok(
      !tableLines(['a'], [['x\u001b[2J']])
        .join('')
        .includes('\u001b'),
    );
  });
});
