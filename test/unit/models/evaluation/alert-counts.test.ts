import assert from 'node:assert/strict';
import { countAlerts, falseAlarmsPer10k, noAlerts } from '../../../../models/evaluation/alert-counts.js';
import type { RowRange } from '../../../../models/evaluation/row-range.js';

function counted(rows: number, on: readonly RowRange[], ranges: readonly RowRange[]) {
  const column = new Uint8Array(rows);
  for (const [first, last] of on) column.fill(1, first, last + 1);
  const counts = noAlerts();
  countAlerts(counts, column, 1, ranges);
  return counts;
}

describe('alert counts', () => {
  it('joins runs at most ten rows apart', () => {
    assert.equal(
      counted(
        100,
        [
          [5, 6],
          [16, 16],
          [27, 27],
        ],
        [],
      ).episodes,
      2,
    );
  });

  it('counts an episode that touches no range as one false alarm', () => {
    const { found, windows, falseAlarms } = counted(
      100,
      [
        [5, 6],
        [50, 52],
      ],
      [
        [52, 60],
        [80, 81],
      ],
    );
    assert.deepEqual({ found, windows, falseAlarms }, { found: 1, windows: 2, falseAlarms: 1 });
  });

  it('charges every full hundred rows that an episode stays on outside', () => {
    assert.equal(counted(1_000, [[100, 399]], [[150, 159]]).falseAlarms, 2);
    assert.equal(counted(1_000, [[0, 249]], []).falseAlarms, 3);
  });

  it('finds several ranges with one episode', () => {
    assert.equal(
      counted(
        100,
        [[10, 40]],
        [
          [12, 13],
          [20, 21],
          [50, 51],
        ],
      ).found,
      2,
    );
  });

  it('makes an alarm that is always on as bad as a hundred false alarms in 10,000 rows', () => {
    const counts = counted(10_100, [[0, 10_099]], [[0, 99]]);
    assert.equal(falseAlarmsPer10k(counts), 100);
  });

  it('takes rows at or over a threshold', () => {
    const counts = noAlerts();
    countAlerts(counts, Float64Array.of(0.1, 0.5, 0.49), 0.5, [[1, 1]]);
    assert.deepEqual(counts, { windows: 1, found: 1, episodes: 1, falseAlarms: 0, normalRows: 2 });
  });
});
