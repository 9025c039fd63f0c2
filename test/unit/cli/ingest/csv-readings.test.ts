import assert from 'node:assert/strict';
import { csvReadings, type CsvReadingsOptions } from '../../../../cli/ingest/csv-readings.js';
import { MAX_LINE_BYTES } from '../../../../cli/ingest/long-lines.js';
import { isBad, type SourceRow } from '../../../../cli/ingest/source-row.js';

async function read(text: string, options: CsvReadingsOptions = { device: 'd' }): Promise<SourceRow[]> {
  const rows: SourceRow[] = [];
  // One byte a chunk: nothing may depend on where a file is cut.
  const bytes = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
  for await (const row of csvReadings(from(bytes), 'file.csv', options)) rows.push(row);
  return rows;
}

async function chunked(text: string): Promise<SourceRow[]> {
  const rows: SourceRow[] = [];
  const bytes = Buffer.from(text);
  const chunks = Array.from({ length: Math.ceil(bytes.length / 60_000) }, (_, i) =>
    bytes.subarray(i * 60_000, (i + 1) * 60_000),
  );
  for await (const row of csvReadings(from(chunks), 'file.csv', { device: 'd' })) rows.push(row);
  return rows;
}

async function* from<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

const readings = (rows: readonly SourceRow[]) => rows.map((row) => (isBad(row) ? row.reason : row.reading));

describe('csvReadings', () => {
  it('makes each row a reading', async () => {
    assert.deepEqual(readings(await read('timestamp,temp,vib\n1970-01-01 00:00:01,1.5,\n2,NaN,3\n')), [
      { device: 'd', ts: 1_000, values: { temp: 1.5, vib: null } },
      { device: 'd', ts: 2_000, values: { temp: null, vib: 3 } },
    ]);
  });

  it('finds the time by its name, in any place and case', async () => {
    assert.deepEqual(readings(await read('a,Date\n1,5\n')), [{ device: 'd', ts: 5_000, values: { a: 1 } }]);
  });

  it('takes time, device and channels as told', async () => {
    const options = { timeColumn: 'when', deviceColumn: 'who', channelColumns: ['b'] };
    assert.deepEqual(readings(await read('when;who;a;b\n1;x;7;8\n', options)), [
      { device: 'x', ts: 1_000, values: { b: 8 } },
    ]);
  });

  it('names the row and the reason of what is no reading', async () => {
    const rows = await read('ts,a\nsoon,1\n1,warm\n1,Infinity\n2,5\n');
    assert.deepEqual(
      rows.map((row) => [row.row, isBad(row)]),
      [
        [1, true],
        [2, true],
        [3, true],
        [4, false],
      ],
    );
    assert.match(JSON.stringify(readings(rows)[1]), /a must be a finite number or empty, got \\"warm/);
  });

  it('refuses rows with more or fewer cells than the header', async () => {
    const rows = await read('ts,a,b\n1,2\n1,2,3,4\n1,2,3\n');
    assert.deepEqual(readings(rows).slice(0, 2), ['has 2 cells, the header has 3', 'has 4 cells, the header has 3']);
    assert.equal(isBad(rows[2]!), false);
  });

  it('takes rows with empty cells after the last column', async () => {
    const expected = [{ device: 'd', ts: 1_000, values: { a: 2 } }];
    assert.deepEqual(readings(await read('ts,a\n1,2,\n')), expected);
    assert.deepEqual(readings(await read('ts,a\n1,2, ,\n')), expected);
  });

  it('takes decimal numbers alone, and knows decimal commas', async () => {
    const rows = readings(await read('ts;a\n1;0x10\n1;1,5\n1;-1.5e3\n1;-0\n'));
    assert.match(JSON.stringify(rows[0]), /got ..0x10/);
    assert.match(JSON.stringify(rows[1]), /dot in place of the decimal comma/);
    assert.deepEqual(rows.slice(2), [
      { device: 'd', ts: 1_000, values: { a: -1_500 } },
      { device: 'd', ts: 1_000, values: { a: 0 } },
    ]);
  });

  it('refuses an over-long line alone', async () => {
    const long = 'x'.repeat(MAX_LINE_BYTES + 1);
    for (const end of ['\n', '\r\n', '\r']) {
      const lines = ['ts,a', '1,1', `2,${long}`, '3,3', `4,${long}`].join(end);
      const rows = readings(await chunked(lines));
      assert.deepEqual([rows.length, rows[2]], [4, { device: 'd', ts: 3_000, values: { a: 3 } }]);
      for (const r of [1, 3]) assert.match(JSON.stringify(rows[r]), /at most 1048576 bytes/);
    }
  });

  it('gives all rows before an open quote', async () => {
    const rows: SourceRow[] = [];
    const reading = async (): Promise<void> => {
      const bytes = from([Buffer.from(`ts,a\n${'1,1\n'.repeat(500)}2,"${'x\n'.repeat(1_000_000)}`)]);
      for await (const row of csvReadings(bytes, 'file.csv', { device: 'd' })) rows.push(row);
    };
    await assert.rejects(reading(), /file\.csv is not readable as CSV/);
    assert.equal(rows.length, 500);
  });

  it('never makes a reading of half a line', async () => {
    async function* cut(): AsyncGenerator<Buffer> {
      yield await Promise.resolve(Buffer.from('ts,a\n1,1\n2,12'));
      throw new Error('cut');
    }
    const rows: SourceRow[] = [];
    const reading = async (): Promise<void> => {
      for await (const row of csvReadings(cut(), 'file.csv', { device: 'd' })) rows.push(row);
    };
    await assert.rejects(reading(), /cut/);
    assert.equal(rows.length, 1);
  });

  it('survives a byte order mark, CRLF, quotes and blank lines', async () => {
    assert.deepEqual(readings(await read('\uFEFF"time","a"\r\n\r\n1,"2"\r\n')), [
      { device: 'd', ts: 1_000, values: { a: 2 } },
    ]);
  });

  it('renames what cannot be a channel, and says so', async () => {
    const notes: string[] = [];
    const rows = await read('ts,,a#1,a#1,__proto__\n1,0,2,3,4\n', {
      device: 'd',
      onNotes: (told) => notes.push(...told),
    });
    const [reading] = readings(rows);
    assert.deepEqual(Object.keys((reading as { values: object }).values), ['a_1', 'a_1_2', '___proto__']);
    assert.equal(notes.length, 4);
  });

  it('orders channels as JSON does', async () => {
    const [reading] = readings(await read('ts,b,10,2\n1,1,1,1\n'));
    assert.deepEqual(Object.keys((reading as { values: object }).values), ['2', '10', 'b']);
  });

  for (const [name, text, options, message] of [
    ['a file without time', 'a,b\n1,2\n', { device: 'd' }, /no time column/],
    ['a file without channels', 'ts\n1\n', { device: 'd' }, /1 to 256 columns/],
    ['an unknown column', 'ts,a\n1,2\n', { device: 'd', timeColumn: 'x' }, /--time x: no such column, there are ts, a/],
    ['no device', 'ts,a\n1,2\n', {}, /--device ID/],
    ['an empty file', '', { device: 'd' }, /is empty/],
    ['a header alone', 'ts,a\n\n', { device: 'd' }, /has a header and no rows/],
    ['an open quote', 'ts,a\n1,"2\n', { device: 'd' }, /file\.csv is not readable as CSV/],
  ] as const) {
    it(`refuses ${name}`, () => assert.rejects(read(text, options), message));
  }
});
