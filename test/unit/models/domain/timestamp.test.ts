import assert from 'node:assert/strict';
import { formatTimestamp, parseTimestamp } from '../../../../models/domain/timestamp.js';

const newYear = Date.UTC(2026, 0, 1);

describe('parseTimestamp', () => {
  const accepted: [string | number, number][] = [
    ['2026-01-01T00:00:00Z', newYear],
    ['2026-01-01T02:00:00+02:00', newYear],
    ['2025-12-31T18:30:00-05:30', newYear],
    ['2026-01-01 00:00:00Z', newYear],
    ['2026-01-01t00:00:00z', newYear],
    ['2026-01-01T00:00:00.5Z', newYear + 500],
    ['2026-01-01T00:00:00.123456789Z', newYear + 123.456],
    [newYear, newYear],
    [newYear + 0.25, newYear + 0.25],
    ['1970-01-01T00:00:00Z', 0],
    [0, 0],
    ['9999-12-31T23:59:59.999Z', 253_402_300_799_999],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29)],
    ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1)],
    ['2017-01-01T00:59:60.5+01:00', Date.UTC(2017, 0, 1) + 500],
  ];
  for (const [text, timeMs] of accepted) it(`reads ${text}`, () => assert.equal(parseTimestamp(text), timeMs));

  const refused: [unknown, RegExp][] = [
    ['0000-01-01T00:00:00Z', /years 1970 to 9999/],
    ['1969-12-31T23:59:59Z', /years 1970 to 9999/],
    ['1970-01-01T00:00:00+00:01', /years 1970 to 9999/],
    ['9999-12-31T23:59:59-00:01', /years 1970 to 9999/],
    [-1, /years 1970 to 9999, got -1$/],
    [NaN, /years 1970 to 9999/],
    [Infinity, /years 1970 to 9999/],
    [253_402_300_800_000, /years 1970 to 9999/],
    ['2026-02-30T00:00:00Z', /day that exists/],
    ['1900-02-29T00:00:00Z', /day that exists/],
    ['2026-13-01T00:00:00Z', /day that exists/],
    ['2026-01-01T24:00:00Z', /time of day that exists/],
    ['2026-01-01T00:60:00Z', /time of day that exists/],
    ['2026-01-01T12:30:60Z', /time of day that exists/],
    ['2026-01-01T00:00:00', /must have an offset/],
    ['2026-01-01T00:00:00+0200', /must end in an offset/],
    ['2026-01-01T00:00:00Zjunk', /must end in an offset/],
    ['2026-01-01T00:00:00+24:00', /must end in an offset/],
    ['2026-01-01T00:00:00.Z', /digits after the dot/],
    ['2026-01-01', /RFC 3339/],
    ['20260101T000000Z', /RFC 3339/],
    ['01/02/2026 10:00', /RFC 3339/],
    ['1767225600000', /Unix ms as a number/],
    ['', /RFC 3339/],
    [null, /got null/],
    [undefined, /got nothing/],
    [{}, /got an object/],
  ];
  for (const [value, reason] of refused) {
    it(`refuses ${JSON.stringify(value)}`, () => assert.match(String(parseTimestamp(value)), reason));
  }

  it('agrees with the calendar of the platform on every day of 400 years', () => {
    for (let day = 0; day < 146_097; day++) {
      const text = new Date(day * 86_400_000).toISOString();
      assert.equal(parseTimestamp(text), day * 86_400_000, text);
    }
  });

  it('makes -0 a plain zero', () => assert.ok(Object.is(parseTimestamp(-0), 0)));
});

describe('formatTimestamp', () => {
  it('writes milliseconds', () => assert.equal(formatTimestamp(newYear), '2026-01-01T00:00:00.000Z'));
  it('writes microseconds where there are some', () =>
    assert.equal(formatTimestamp(newYear + 123.456), '2026-01-01T00:00:00.123456Z'));
  it('carries when the fraction rounds up', () =>
    assert.equal(formatTimestamp(newYear + 0.9998), '2026-01-01T00:00:00.001Z'));
});
