import assert from 'node:assert/strict';
import { ndjsonReadings } from '../../../../cli/ingest/ndjson-readings.js';
import { isBad } from '../../../../cli/ingest/source-row.js';

async function read(text: string, device?: string): Promise<unknown[]> {
  const rows: unknown[] = [];
  const bytes = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
  async function* chunks(): AsyncGenerator<Buffer> {
    for (const chunk of bytes) yield await Promise.resolve(chunk);
  }
  for await (const row of ndjsonReadings(chunks(), { device })) rows.push(isBad(row) ? row.reason : row.reading);
  return rows;
}

describe('ndjsonReadings', () => {
  it('takes lines as the server does', async () => {
    const line = '{"device":"ö","ts":"1970-01-01T00:00:01Z","values":{"a":1}}';
    assert.deepEqual(await read(`${line}\n\n`), [{ device: 'ö', ts: 1_000, values: { a: 1 } }]);
  });

  it('takes flat lines', async () => {
    assert.deepEqual(await read('{"time":1,"a":1,"b":null}', 'd'), [
      { device: 'd', ts: 1_000, values: { a: 1, b: null } },
    ]);
  });

  it('goes on after a line that is none', async () => {
    const rows = await read('{"a"\n[1]\n{"ts":1,"a":2}\n{"device":"x","a":1}\n{"device":"x","ts":1,"a":2}');
    assert.deepEqual(
      rows.slice(0, 4).map((row) => typeof row),
      ['string', 'string', 'string', 'string'],
    );
    assert.deepEqual(rows[4], { device: 'x', ts: 1_000, values: { a: 2 } });
  });
});
