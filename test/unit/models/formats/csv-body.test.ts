import assert from 'node:assert/strict';
import { PayloadTooLargeError, RequestInvalidError } from '../../../../models/errors.js';
import { decodeCsv, type CsvOptions } from '../../../../models/formats/index.js';

const decode = (text: string, options?: CsvOptions) => decodeCsv(Buffer.from(text), options);

describe('decodeCsv', () => {
  const expected = [
    { device: 'p', timeMs: 1_000, channels: ['temp', 'vib'], values: [71.2, 0.3] },
    { device: 'p', timeMs: 2_000, channels: ['vib'], values: [0.4] },
    { device: 'q', timeMs: 1_000, channels: ['temp'], values: [5] },
  ];

  it('reads a column a channel', () => {
    const { readings, ignoredCount } = decode(
      'time,device,temp,vib\n1,p,71.2,0.3\n2,p,,0.4\n1970-01-01T00:00:01Z,q,5,NaN\n3,q,,\n',
    );
    assert.deepEqual(readings, expected);
    assert.equal(ignoredCount, 1);
  });

  it('reads a row a value, and joins those of one time', () => {
    const { readings } = decode('time;device;channel;value\n1;p;temp;71.2\n2;p;vib;0.4\n1;p;vib;0.3\n1;q;temp;5\n');
    assert.deepEqual(readings, expected);
  });

  it('takes device, time and channels as told', () => {
    const options = { device: 'd', timeColumn: 'when', channelColumns: ['value'] };
    assert.deepEqual(decode('when,channel,value\n1,7,8\n', options).readings, [
      { device: 'd', timeMs: 1_000, channels: ['value'], values: [8] },
    ]);
    assert.equal(decode('ts,who,a\n1,x,1\n', { deviceColumn: 'who' }).readings[0]?.device, 'x');
  });

  it('survives a byte order mark, CRLF, quotes and blank lines', () =>
    assert.deepEqual(decode('\uFEFF"time","a"\r\n\r\n1,"2"\r\n', { device: 'd' }).readings[0]?.values, [2]));

  it('tells what it has renamed', () => {
    const { readings, notes } = decode('ts,a#1\n1,2\n', { device: 'd' });
    assert.deepEqual([readings[0]?.channels, notes], [['a_1'], ['column "a#1" becomes channel "a_1"']]);
  });

  it('rejects rows by their index, and takes the others', () => {
    const rows = '1,p,1\nsoon,p,1\n1,a b,1\n1,p,warm\n1,p\n1,p,"2"\n2,p,1\n';
    const { readings, rejected } = decode(`ts,device,a\n${rows}`);
    assert.equal(readings.length, 2);
    assert.deepEqual(
      rejected.map(({ index, reason }) => `${index} ${reason.slice(0, 30)}`),
      [
        '1 timestamp must be RFC 3339 (20',
        '2 device must be 1 to 128 letter',
        '3 a must be a finite number or e',
        '4 has 2 cells, the header has 3',
        '5 "a" must have one value at 197',
      ],
    );
  });

  it('rejects a million digits that are no number at once', () =>
    assert.equal(decode(`ts,device,a\n1,p,${'9'.repeat(1_000_000)}x\n`).rejectedCount, 1));

  it('never renames a channel of the long form', () =>
    assert.match(decode('ts,device,channel,value\n1,p,é,1\n').rejected[0]!.reason, /^channel name must be/));

  const refused: [string, string, RegExp][] = [
    ['an empty body', '', /^RequestInvalidError: the body is empty/],
    ['a header alone', 'ts,device,a\n', /has a header and no rows/],
    ['no time', 'device,a\np,1\n', /no time column: .* name it with time COLUMN/],
    ['no device', 'ts,a\n1,1\n', /no device: give device_column, or a column device/],
    ['no channel', 'ts,device\n1,p\n', /1 to 256 columns/],
    ['a line of more than 1 MiB', `ts,device,a\n${','.repeat(1_048_577)}\n`, /at most 1048576 characters/],
    ['a million columns of one name', `ts,device${',a'.repeat(500_000)}\n1,p\n`, /1 to 256 columns .* got 500000/],
    ['an open quote', 'ts,device,a\n1,p,"2\n', /not readable as CSV/],
  ];
  for (const [what, text, message] of refused) it(`refuses ${what}`, () => assert.throws(() => decode(text), message));

  it('refuses what is not UTF-8, and more rows than a request may have', () => {
    assert.throws(() => decodeCsv(Buffer.from([0x74, 0xff])), RequestInvalidError);
    const limits = { maxReadings: 2, maxPoints: 9 };
    assert.throws(() => decode('ts,device,a\n1,p,1\n2,p,1\n3,p,1\n', { limits }), PayloadTooLargeError);
  });
});
