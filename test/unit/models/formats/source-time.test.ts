import assert from 'node:assert/strict';
import { parseSourceTime } from '../../../../models/formats/source-time.js';

const MOMENT = Date.UTC(2026, 0, 2, 3, 4, 5);

describe('parseSourceTime', () => {
  for (const [text, expected] of [
    ['2026-01-02T03:04:05Z', MOMENT],
    ['2026-01-02 03:04:05', MOMENT],
    ['2026/01/02 03:04:05', MOMENT],
    ['2026-01-02T05:04:05+02:00', MOMENT],
    ['2026-01-02 03:04:05.250', MOMENT + 250],
    ['2026-01-02 03:04:05,250', MOMENT + 250],
    ['2026-01-02 03:04', MOMENT - 5_000],
    ['2026-01-02', Date.UTC(2026, 0, 2)],
    [' 1767323045 ', MOMENT],
    ['1767323045.5', MOMENT + 500],
    ['1767323045000', MOMENT],
    ['1767323045000000', MOMENT],
    ['1767323045000000000', MOMENT],
    [1_767_323_045_000, MOMENT],
    ['0', 0],
  ] as const) {
    it(`reads ${JSON.stringify(text)}`, () => assert.equal(parseSourceTime(text), expected));
  }

  it('names every form that it takes', () => {
    assert.match(String(parseSourceTime('02.01.2026')), /RFC 3339.*YYYY-MM-DD HH:MM.*Unix time.*got "02\.01\.2026"/);
  });

  for (const text of ['', 'soon', '2026-02-30 00:00:00', '02.01.2026', '-5', '999999999999999999999', null, {}]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(typeof parseSourceTime(text), 'string'));
  }
});
