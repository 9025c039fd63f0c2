import assert from 'node:assert/strict';
import { PayloadTooLargeError, RequestInvalidError } from '../../../../models/errors.js';
import { decodeLineProtocol, parseLinePrecision } from '../../../../models/formats/index.js';
import type { LineProtocolOptions } from '../../../../models/formats/index.js';

const RECEIVED_MS = 1_767_225_600_000;

function decode(text: string, options: Partial<LineProtocolOptions> = {}) {
  const mapping = { device: ['device', 'host', 'tag1', 'd'], leftOut: ['tag2'] };
  return decodeLineProtocol(Buffer.from(text), { receivedMs: RECEIVED_MS, mapping, ...options });
}

/** Readings as `device@time channel=value …`. */
function readingsOf(text: string, options?: Partial<LineProtocolOptions>): readonly string[] {
  const { readings, rejected } = decode(text, options);
  assert.deepEqual(rejected, []);
  return readings.map(
    ({ device, timeMs, channels, values }) =>
      `${device}@${timeMs} ${channels.map((channel, c) => `${channel}=${values[c]!}`).join(' ')}`,
  );
}

function reasonsFor(text: string, options?: Partial<LineProtocolOptions>): readonly string[] {
  const { rejected, rejectedCount } = decode(text, options);
  assert.equal(rejected.length, rejectedCount);
  return rejected.map(({ index, reason }) => `${index}: ${reason}`);
}

describe('decodeLineProtocol', () => {
  it('reads what Telegraf sends: a line a core, all of one time', () => {
    const text =
      'cpu,cpu=cpu0,host=web-1 usage_idle=98.5,usage_user=1.2 1767225600000000000\n' +
      'cpu,cpu=cpu1,host=web-1 usage_idle=97.5,usage_user=2.2 1767225600000000000\n' +
      'mem,host=web-1 available=8046731264i,used_percent=51.3 1767225600000000000\n' +
      'system,host=web-1 load1=0.07,n_cpus=2i 1767225610000000000\n' +
      'system,host=web-1 uptime_format="12 days,  3:04" 1767225610000000000\n';
    assert.deepEqual(readingsOf(text), [
      'web-1@1767225600000 cpu_usage_idle[cpu:cpu0]=98.5 cpu_usage_user[cpu:cpu0]=1.2 cpu_usage_idle[cpu:cpu1]=97.5 ' +
        'cpu_usage_user[cpu:cpu1]=2.2 mem_available=8046731264 mem_used_percent=51.3',
      'web-1@1767225610000 system_load1=0.07 system_n_cpus=2',
    ]);
    assert.equal(decode(text).ignoredCount, 1);
  });

  const m = 'm,d=p ';
  const values: [string, number][] = [
    ['1.0', 1],
    ['1', 1],
    ['1.', 1],
    ['.5', 0.5],
    ['-1.234456e+78', -1.234456e78],
    ['1E3', 1000],
    ['-0', 0],
    ['1i', 1],
    ['12485903i', 12_485_903],
    ['-12485903i', -12_485_903],
    ['9223372036854775807i', 2 ** 63],
    ['-9223372036854775808i', -(2 ** 63)],
    ['12485903u', 12_485_903],
    ['18446744073709551615u', 2 ** 64],
    ...['t', 'T', 'true', 'True', 'TRUE'].map((word): [string, number] => [word, 1]),
    ...['f', 'F', 'false', 'False', 'FALSE'].map((word): [string, number] => [word, 0]),
  ];
  for (const [written, value] of values) {
    it(`reads ${written}`, () => {
      const { readings } = decode(`${m}f=${written} 1`);
      assert.deepEqual(readings[0]?.values, [value]);
      assert.ok(Object.is(readings[0].values[0], value));
    });
  }

  const noValues = [
    '9223372036854775808i',
    '-9223372036854775809i',
    '18446744073709551616u',
    '-1u',
    '1.5i',
    'i',
    '0x10',
    'NaN',
  ];
  for (const written of [...noValues, 'inf', 'tRUE', "'text'", '1e', '', '1f', `${'9'.repeat(1_000_000)}i`]) {
    it(`refuses ${written.slice(0, 30) || 'nothing'} as a value`, () =>
      assert.match(
        reasonsFor(`${m}f=${written} 1`)[0]!,
        /^0: field "f" must be a number, a boolean or text in quotes, got "/,
      ));
  }

  it('refuses a number beyond a double', () =>
    assert.deepEqual(reasonsFor(`${m}f=1e999 1`), ['0: "m_f" must be a finite number, got Infinity']));

  describe('examples of the reference', () => {
    const examples: [string, string][] = [
      [
        'myMeasurement,tag1=value1,tag2=value2 fieldKey=7 1556813561098000000',
        'value1@1556813561098 myMeasurement_fieldKey=7',
      ],
      ['my\\ Measurement,d=p fieldKey=100', 'p@1767225600000 my Measurement_fieldKey=100'],
      [
        'myMeasurement,d=p,tag\\ Key1=tag\\ Value1 fieldKey=100',
        'p@1767225600000 myMeasurement_fieldKey[tag Key1:tag Value1]=100',
      ],
      ['myMeasurement,d=p fieldKey="\\"string\\" within a string",n=1', 'p@1767225600000 myMeasurement_n=1'],
      ['myMeasurement,d=p,tag2=🍭 fieldKey="Launch 🚀",n=1 1556813561098000000', 'p@1556813561098 myMeasurement_n=1'],
      ['# This is a comment\nmyMeasurement,d=p n=1', 'p@1767225600000 myMeasurement_n=1'],
    ];
    for (const [text, reading] of examples) it(text, () => assert.deepEqual(readingsOf(text), [reading]));
  });

  describe('escapes', () => {
    // The separator counts where the number of backslashes before it is even.
    const escapes: [string, string][] = [
      ['m,d=a\\,b f=1', '"a,b"'],
      ['m,d=a\\ b f=1', '"a b"'],
      ['m,d=a\\=b f=1', '"a=b"'],
      ['m,d=a\\b f=1', '"a\\\\b"'],
      ['m,d=a\\\\b f=1', '"a\\\\b"'],
      ['m,d=a\\\\ f=1', '"a\\\\"'],
      ['m,d="a" f=1', '"\\"a\\""'],
    ];
    for (const [text, device] of escapes) {
      it(`${text} names ${device}`, () =>
        assert.deepEqual(reasonsFor(text), [
          `0: device must be 1 to 128 letters, digits or _ - . : @ /, got ${device}`,
        ]));
    }

    it('keeps a backslash before an equals sign in a measurement', () =>
      assert.match(reasonsFor('a\\=b,d=p f=1')[0]!, /got "a\\\\=b_f"$/));

    it('takes quotes, commas, spaces and newlines within text for text', () =>
      assert.deepEqual(readingsOf(`${m}s="a, b=\\"c\\" \\\\",n=1 1000000\n${m}s="two\nlines",n=2 2000000`), [
        'p@1 m_n=1',
        'p@2 m_n=2',
      ]));
  });

  it('takes CRLF, blank lines, indented lines and spaces at the end', () =>
    assert.deepEqual(readingsOf(`\r\n${m}f=1 1000000\r\n\n  ${m}f=2 2000000  \n\t# c\n${m}f=3\r\n   `), [
      'p@1 m_f=1',
      'p@2 m_f=2',
      `p@${RECEIVED_MS} m_f=3`,
    ]));

  describe('time', () => {
    const times: [string, string, number][] = [
      ['ns', '1767225600000123456', 1_767_225_600_000.123],
      ['n', '9007199254740993000', 9_007_199_254_740 + 0.993],
      ['us', '1767225600000123', 1_767_225_600_000.123],
      ['u', '1500', 1.5],
      ['ms', '1767225600000', 1_767_225_600_000],
      ['s', '1767225600', 1_767_225_600_000],
      ['m', '29453760', 1_767_225_600_000],
      ['h', '490896', 1_767_225_600_000],
      ['ns', '0', 0],
      ['ns', '-0', 0],
      ['ns', '999', 0],
    ];
    for (const [precision, written, timeMs] of times) {
      it(`${written} in ${precision} is ${timeMs} ms`, () =>
        assert.equal(
          decode(`${m}f=1 ${written}`, { precision: parseLinePrecision(precision) }).readings[0]?.timeMs,
          timeMs,
        ));
    }

    it('refuses a time before 1970 and after 9999', () =>
      assert.deepEqual(reasonsFor(`${m}f=1 -1000000\n${m}f=1 253402300800`, { precision: 's' }), [
        '0: the time must lie in the years 1970 to 9999, got -1000000000 ms',
        '1: the time must lie in the years 1970 to 9999, got 253402300800000 ms',
      ]));

    it('refuses a precision that is none', () => {
      assert.equal(parseLinePrecision(undefined), 'ns');
      assert.throws(() => parseLinePrecision('toString'), /^RequestInvalidError: precision must be one of ns, n, us, /);
    });
  });

  const malformed: [string, RegExp][] = [
    ['m', /^a line must have fields/],
    ['m,d=p', /^a line must have fields/],
    ['m,d=p ', /^a field must be key=value, got ""/],
    [',d=p f=1', /^a line must begin with a measurement/],
    ['m,d f=1', /^a tag must be key=value, got "d"/],
    ['m,d= f=1', /^a tag must be key=value, got "d="/],
    ['m,=p f=1', /^a tag must be key=value/],
    ['m,d=p=q f=1', /^a tag must be key=value, got "d=p"/],
    ['m,d=p,d=q f=1', /^label "d" must be there once, got two/],
    ['m,d=p f', /^a field must be key=value, got "f"/],
    ['m,d=p =1', /^a field must be key=value, got ""/],
    ['m,d=p f=1,', /^a field must be key=value, got ""/],
    ['m,d=p f=1 yesterday', /^the timestamp must be a whole number, got "yesterday"/],
    ['m,d=p f=1 1.5', /^the timestamp must be a whole number/],
    ['m,d=p f=1 1 2', /^a line must end after its timestamp, got "1 2"/],
    ['m,d=p f="a" "b"', /^the timestamp must be a whole number/],
    ['m,d=p f="open', /^the text of field "f" must end in a quote/],
    ['m,site=n f=1', /^no label names the device: device or host or tag1 or d was expected/],
    ['m,d=p é=1', /^channel name must be 1 to 64 .* got "m_é"/],
    [`m,d=p ${'f'.repeat(63)}=1`, /^channel name must be 1 to 64/],
    [
      `m,d=p ${Array.from({ length: 257 }, (_, i) => `f${i}=1`).join()}`,
      /^a point must have at most 256 values, got more/,
    ],
  ];
  for (const [line, reason] of malformed) {
    it(`refuses ${line.slice(0, 40)}, and takes the lines around it`, () => {
      const { readings, rejected } = decode(`${m}f=1 1000000\n${line}\n${m}f=2 2000000`);
      assert.equal(readings.length, 2);
      assert.deepEqual(
        rejected.map(({ index }) => index),
        [1],
      );
      assert.match(rejected[0]!.reason, reason);
    });
  }

  it('never takes a line for one that stands within a text, even after a fault', () =>
    assert.deepEqual(
      decode(`${m}bad=x,log="\n${m}f=1 1\n"\n${m}f=2 2000000`).readings.map(({ values }) => values),
      [[2]],
    ));

  it('names a channel by the measurement where the field tells nothing more', () =>
    assert.deepEqual(readingsOf('temp,d=p value=1 1\nhum,d=p hum=2 1'), ['p@0 temp=1 hum=2']));

  it('names a channel by the field alone, if told so', () =>
    assert.deepEqual(readingsOf('pump,d=p temp=1,value=2 1', { channel: 'field' }), ['p@0 temp=1 value=2']));

  it('refuses two values for one channel at one time, and takes equal ones', () => {
    assert.deepEqual(reasonsFor('m,d=p f=1 1\nm,d=p f=2 1\nm,d=p f=1 1'), [
      '1: "m_f" must have one value at 1970-01-01T00:00:00.000Z, got 1 and 2',
    ]);
    assert.deepEqual(reasonsFor('m,d=p f=1,f=2 1'), ['0: "m_f" must have one value, got 1 and 2']);
  });

  it('takes a line as a whole or not at all', () =>
    assert.deepEqual(decode('m,d=p f=1 1\nm,d=p g=1,f=2 1').readings[0]?.channels, ['m_f']));

  it('refuses what would make a reading of more than 256 channels', () => {
    const line = (from: number, count: number): string =>
      `m,d=p ${Array.from({ length: count }, (_, i) => `f${from + i}=1`).join()} 1\n`;
    const { readings, rejected } = decode(line(0, 200) + line(200, 56) + line(300, 1));
    assert.equal(readings[0]?.channels.length, 256);
    assert.match(rejected[0]!.reason, /^a reading must have at most 256 channels, with this point "p" has 257/);
  });

  it('gives readings with the same channels the same list', () => {
    const [first, second] = decode(`${m}f=1,g=1 1000000\n${m}f=2,g=2 2000000`).readings;
    assert.equal(first!.channels, second!.channels);
  });

  it('lists the first 100 rejections and counts them all', () => {
    const { rejected, rejectedCount } = decode('m\n'.repeat(150));
    assert.deepEqual([rejected.length, rejectedCount], [100, 150]);
  });

  it('refuses a body that is not UTF-8', () =>
    assert.throws(() => decodeLineProtocol(Buffer.from([0x6d, 0xff]), { receivedMs: 0 }), RequestInvalidError));

  it('refuses more points or readings than a request may have', () => {
    const limits = { maxReadings: 2, maxPoints: 10 };
    assert.throws(() => decode(`${m}f=1 1000000\n${m}f=1 2000000\n${m}f=1 3000000`, { limits }), PayloadTooLargeError);
    assert.throws(() => decode('m\n'.repeat(11), { limits }), PayloadTooLargeError);
    assert.throws(() => decode(`${m}a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1`, { limits }), PayloadTooLargeError);
  });
});
