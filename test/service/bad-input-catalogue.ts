import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { ask, type HttpAnswer, type HttpAsk } from '../support/http-client.js';

export interface BadInput {
  readonly name: string;
  readonly path?: string;
  readonly ask: () => HttpAsk;
  readonly status: number;
  /** In the `detail` of a problem, or in the reason of the first rejected reading. */
  readonly says?: RegExp;
  /** How many readings are taken all the same. Default 0. */
  readonly accepted?: number;
  /** Index of the first rejected reading. */
  readonly index?: number;
}

const json = { 'Content-Type': 'application/json' };
const ndjson = { 'Content-Type': 'application/x-ndjson' };
const good = '{"device":"pump-7","ts":"2026-01-01T00:00:00Z","values":{"temp":71.2}}';
const MEGABYTE = new Uint8Array(1_048_576).fill(0x20);

const post =
  (body: string | Uint8Array, headers: Record<string, string> = json) =>
  (): HttpAsk => ({
    method: 'POST',
    headers,
    body,
  });
/** One reading, in which `good` is changed. */
const reading = (change: Record<string, unknown>) =>
  post(JSON.stringify({ readings: [{ ...JSON.parse(good), ...change }] }));
const rawReading = (text: string) => post(`{"readings":[${text}]}`);
const withTime = (ts: unknown) => reading({ ts });
const withValues = (values: string) => rawReading(`{"device":"a","ts":0,"values":${values}}`);

function* megabytes(count: number): Generator<Uint8Array> {
  for (let i = 0; i < count; i++) yield MEGABYTE;
}

const manyChannels = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`c${i}`, i]));

/** What clients send by mistake or on purpose, and what they are told. */
export const BAD_INPUT: readonly BadInput[] = [
  // Malformed bodies
  { name: 'an empty body', ask: post(''), status: 400, says: /unexpected the end at line 1, column 1/ },
  { name: 'cut JSON', ask: post(`{"readings":[${good}`), status: 400, says: /unexpected the end/ },
  { name: 'a comma too many', ask: post(`{"readings":[\n${good},\n]}`), status: 400, says: /"\]" at line 3, column 1/ },
  { name: 'bytes that are not UTF-8', ask: post(new Uint8Array([0x22, 0xff, 0xfe, 0x22])), status: 400, says: /UTF-8/ },
  { name: 'NaN, which JSON does not have', ask: withValues('{"t":NaN}'), status: 400, says: /unexpected "N"/ },
  {
    name: 'Infinity, which JSON does not have',
    ask: withValues('{"t":-Infinity}'),
    status: 400,
    says: /unexpected "I"/,
  },
  {
    name: 'JSON that nests 10,000 deep',
    ask: post('['.repeat(10_000) + ']'.repeat(10_000)),
    status: 400,
    says: /at most 32 deep/,
  },
  {
    name: 'a value that nests 10,000 deep',
    ask: withValues(`{"t":${'['.repeat(10_000)}1${']'.repeat(10_000)}}`),
    status: 400,
    says: /deep/,
  },
  { name: 'a list where an object belongs', ask: post(`[${good}]`), status: 422, says: /must be \{"readings"/ },
  { name: 'no readings', ask: post('{"readings":[]}'), status: 422, says: /at least one reading/ },
  {
    name: 'a misspelt field of the request',
    ask: post(`{"reading":[${good}]}`),
    status: 422,
    says: /readings must be a list, got nothing/,
  },
  {
    name: 'an unknown field of the request',
    ask: post(`{"readings":[${good}],"mode":1}`),
    status: 422,
    says: /unknown field "mode"/,
  },
  {
    name: '__proto__ in the request',
    ask: post(`{"readings":[${good}],"__proto__":{"a":1}}`),
    status: 422,
    says: /"__proto__"/,
  },
  // NDJSON
  {
    name: 'NDJSON with one malformed line',
    ask: post(`${good}\n{oops\n${good}\n`, ndjson),
    status: 202,
    accepted: 2,
    index: 1,
    says: /line 2 is not JSON: unexpected "o" at column 2/,
  },
  {
    name: 'NDJSON with one line that is not UTF-8',
    ask: post(Buffer.concat([Buffer.from(`${good}\n`), Buffer.from([0xff]), Buffer.from(`\n${good}`)]), ndjson),
    status: 202,
    accepted: 2,
    index: 1,
    says: /line 2 is not UTF-8/,
  },
  {
    name: 'NDJSON with one line that nests deep',
    ask: post(`${good}\n${'['.repeat(10_000)}\n`, ndjson),
    status: 202,
    accepted: 1,
    index: 1,
    says: /deep/,
  },
  {
    name: 'NDJSON with blank lines, which do not count',
    ask: post(`\n${good}\n\r\n7\n`, ndjson),
    status: 202,
    accepted: 1,
    index: 1,
    says: /got 7/,
  },
  {
    name: 'NDJSON of nothing but malformed lines',
    ask: post('{\n[\n', ndjson),
    status: 422,
    index: 0,
    says: /line 1 is not JSON/,
  },
  // Types, encodings, sizes
  { name: 'no content type', ask: post('{}', {}), status: 415, says: /application\/json or/ },
  { name: 'a form', ask: post('a=1', { 'Content-Type': 'application/x-www-form-urlencoded' }), status: 415 },
  {
    name: 'Latin-1',
    ask: post('{}', { 'Content-Type': 'application/json; charset=iso-8859-1' }),
    status: 415,
    says: /UTF-8/,
  },
  {
    name: 'an unknown encoding',
    ask: post('{}', { ...json, 'Content-Encoding': 'br' }),
    status: 415,
    says: /gzip, deflate/,
  },
  {
    name: 'gzip that is none',
    ask: post('{}', { ...json, 'Content-Encoding': 'gzip' }),
    status: 400,
    says: /Content-Encoding/,
  },
  {
    name: 'gzip that is cut',
    ask: post(gzipSync(good.repeat(99)).subarray(0, 40), { ...json, 'Content-Encoding': 'gzip' }),
    status: 400,
    says: /cut short/,
  },
  {
    name: 'a gzip bomb',
    ask: post(gzipSync(new Uint8Array(100 * 1_048_576)), { ...json, 'Content-Encoding': 'gzip' }),
    status: 413,
    says: /inflate to at most/,
  },
  {
    name: '100 MB with a length',
    ask: () => ({
      method: 'POST',
      headers: { ...json, 'Content-Length': String(100 * 1_048_576) },
      body: megabytes(100),
    }),
    status: 413,
    says: /at most \d+ bytes/,
  },
  {
    name: '100 MB without a length',
    ask: () => ({ method: 'POST', headers: json, body: megabytes(100) }),
    status: 413,
    says: /at most \d+ bytes/,
  },
  {
    name: 'a small body of millions of lists',
    ask: post(`{"readings":[${'[],'.repeat(4_500_000)}0]}`),
    status: 413,
    says: /at most 4000000 values/,
  },
  {
    name: 'more readings than one request takes',
    ask: post('{}\n'.repeat(100_001), ndjson),
    status: 413,
    says: /at most 100000 readings, got 100001/,
  },
  {
    name: 'headers without end',
    ask: () => ({ headers: { 'X-Long': 'x'.repeat(20_000) } }),
    path: '/health',
    status: 431,
  },
  // Devices and channels
  {
    name: 'a device with a space',
    ask: reading({ device: 'pump 7' }),
    status: 422,
    index: 0,
    says: /device must be .*got "pump 7"/,
  },
  { name: 'a device with a newline', ask: reading({ device: 'pump\n7' }), status: 422, says: /got "pump\\u\{a\}7"/ },
  { name: 'a device of 129 characters', ask: reading({ device: 'x'.repeat(129) }), status: 422, says: /1 to 128/ },
  { name: 'a device outside ASCII', ask: reading({ device: 'pömp' }), status: 422, says: /"pömp"/ },
  { name: 'a device that is a number', ask: reading({ device: 7 }), status: 422, says: /got 7/ },
  {
    name: '10,000 channels',
    ask: reading({ values: manyChannels }),
    status: 422,
    says: /1 to 256 channels, got 10000/,
  },
  { name: 'no channel', ask: reading({ values: {} }), status: 422, says: /got 0/ },
  { name: '__proto__ as a channel', ask: withValues('{"__proto__":1}'), status: 422, says: /"__proto__"/ },
  {
    name: '__proto__ as a field',
    ask: rawReading('{"device":"a","ts":0,"values":{"t":1},"__proto__":{"x":1}}'),
    status: 422,
    says: /unknown field "__proto__"/,
  },
  { name: 'constructor as a channel', ask: withValues('{"constructor":1}'), status: 422, says: /"constructor"/ },
  { name: 'an unknown field', ask: reading({ unit: 'C' }), status: 422, says: /unknown field "unit"/ },
  // Values
  {
    name: '1e999',
    ask: withValues('{"t":1e999}'),
    status: 422,
    says: /values\.t must be a finite number or null, got Infinity/,
  },
  { name: 'text for a number', ask: withValues('{"t":"71.2"}'), status: 422, says: /got "71\.2"/ },
  { name: 'a boolean for a number', ask: withValues('{"t":true}'), status: 422, says: /got true/ },
  { name: 'an object for a number', ask: withValues('{"t":{"$gt":0}}'), status: 422, says: /got an object/ },
  {
    name: 'one bad reading among good ones',
    ask: post(`{"readings":[${good},{"device":"a"},${good}]}`),
    status: 202,
    accepted: 2,
    index: 1,
    says: /^ts must be/,
  },
  // Timestamps
  { name: 'the year 0', ask: withTime('0000-01-01T00:00:00Z'), status: 422, says: /years 1970 to 9999/ },
  { name: 'the year 1969', ask: withTime('1969-12-31T23:59:59.999Z'), status: 422, says: /years 1970 to 9999/ },
  { name: 'the first moment of 1970', ask: withTime('1970-01-01T00:00:00Z'), status: 202, accepted: 1 },
  { name: 'the last second of 9999', ask: withTime('9999-12-31T23:59:59Z'), status: 202, accepted: 1 },
  { name: 'the year 10000', ask: withTime('10000-01-01T00:00:00Z'), status: 422, says: /RFC 3339/ },
  { name: 'the 30th of February', ask: withTime('2026-02-30T00:00:00Z'), status: 422, says: /day that exists/ },
  { name: 'a time with an offset', ask: withTime('2026-01-01T00:00:00+05:30'), status: 202, accepted: 1 },
  { name: 'a time with a space and in lower case', ask: withTime('2026-01-01 00:00:00z'), status: 202, accepted: 1 },
  { name: 'a time with nanoseconds', ask: withTime('2026-01-01T00:00:00.123456789Z'), status: 202, accepted: 1 },
  { name: 'a leap second', ask: withTime('2016-12-31T23:59:60Z'), status: 202, accepted: 1 },
  { name: 'Unix ms', ask: withTime(1_767_225_600_000), status: 202, accepted: 1 },
  { name: 'Unix ms in quotes', ask: withTime('1767225600000'), status: 422, says: /Unix ms as a number/ },
  { name: 'a date without a time', ask: withTime('2026-01-01'), status: 422, says: /RFC 3339/ },
  { name: 'a time without an offset', ask: withTime('2026-01-01T00:00:00'), status: 422, says: /must have an offset/ },
  { name: 'a time in American writing', ask: withTime('01/02/2026 10:00 AM'), status: 422, says: /RFC 3339/ },
  { name: 'no time', ask: withTime(null), status: 422, says: /got null/ },
  // Other routes
  { name: 'an unknown route', path: '/v2/readings', ask: () => ({}), status: 404, says: /\/docs/ },
  { name: 'a wrong method', path: '/v1/readings', ask: () => ({}), status: 405, says: /takes POST/ },
  {
    name: 'an unknown query parameter',
    path: '/v1/devices?limt=3',
    ask: () => ({}),
    status: 422,
    says: /unknown query parameter "limt".*limit/,
  },
  {
    name: 'a limit of nothing',
    path: '/v1/devices?limit=0',
    ask: () => ({}),
    status: 422,
    says: /limit must be a whole number of 1 to 1000, got "0"/,
  },
  {
    name: 'a parameter given twice',
    path: '/v1/devices?limit=1&limit=2',
    ask: () => ({}),
    status: 422,
    says: /given once/,
  },
  { name: 'a broken percent sign', path: '/v1/devices/%zz', ask: () => ({}), status: 400, says: /percent/ },
  { name: 'an unknown device', path: '/v1/devices/nobody', ask: () => ({}), status: 404, says: /"nobody"/ },
  { name: 'a device id that cannot be', path: '/v1/devices/%00', ask: () => ({}), status: 404 },
  { name: 'an unknown alert', path: '/v1/alerts/none/ack', ask: post('{}'), status: 404, says: /"none"/ },
  {
    name: 'a bad verdict',
    path: '/v1/alerts/none/feedback',
    ask: post('{"verdict":"perhaps"}'),
    status: 422,
    says: /verdict/,
  },
  { name: 'a prediction of nothing', path: '/predict', ask: post('{"data":[]}'), status: 422, says: /data/ },
  {
    name: 'a prediction of ragged rows',
    path: '/predict',
    ask: post('{"data":[[1,2],[3]]}'),
    status: 422,
    says: /data\[1\] must be a list of 2 numbers/,
  },
  {
    name: 'a prediction of 257 channels',
    path: '/predict',
    ask: post(JSON.stringify({ data: [Array(257).fill(1)] })),
    status: 422,
    says: /data\[0\] must have at most 256 items, got a list of 257/,
  },
  {
    name: 'a prediction of text',
    path: '/predict',
    ask: post('{"data":[[1,"2"]]}'),
    status: 422,
    says: /data\[0\]\[1\] must be a number, got "2"/,
  },
  {
    name: 'a prediction of too many rows',
    path: '/predict',
    ask: post(JSON.stringify({ data: Array.from({ length: 100_001 }, () => [1]) })),
    status: 422,
    says: /data must have at most 100000 items, got a list of 100001/,
  },
];

/** Sends one row to a running gateway and holds the answer against it. */
export async function checkBadInput(url: string, row: BadInput): Promise<void> {
  const answer = await ask(url + (row.path ?? '/v1/readings'), row.ask());
  assert.equal(answer.status, row.status, answer.text.slice(0, 300));
  const body = (answer.json ?? {}) as Record<string, unknown>;
  const rejected = (body['rejected'] ?? []) as { index: number; reason: string }[];
  if (row.status >= 400) {
    assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/);
    assert.equal(body['status'], row.status);
    assertTellsNothingInside(answer);
  } else {
    assert.equal(body['accepted'], row.accepted);
    assert.equal(body['rejectedCount'], rejected.length);
  }
  if (row.index !== undefined) assert.equal(rejected[0]?.index, row.index);
  if (row.says !== undefined) assert.match(rejected[0]?.reason ?? String(body['detail']), row.says);
}

function assertTellsNothingInside({ text }: HttpAnswer): void {
  assert.doesNotMatch(text, /nodeID|"action"|"stack"|\bat .+\.[jt]s:\d|ingest\.push|node_modules/);
}
