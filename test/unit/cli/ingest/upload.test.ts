import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { ApiClient } from '../../../../cli/client.js';
import type { SourceRow } from '../../../../cli/ingest/source-row.js';
import { noTotals, upload } from '../../../../cli/ingest/upload.js';

interface Request {
  readonly key: string;
  readonly times: readonly number[];
}

describe('upload', () => {
  let server: Server | undefined;
  afterEach(() => server?.close().closeAllConnections());

  /** @param answer status and body for the n-th request, from 1; status 0 cuts the connection. */
  async function serve(answer: (n: number) => [number, unknown]): Promise<{ client: ApiClient; requests: Request[] }> {
    const requests: Request[] = [];
    const created = createServer((request, response) => {
      void text(request).then((body) => {
        const { readings } = JSON.parse(body) as { readings: { ts: number }[] };
        requests.push({ key: String(request.headers['idempotency-key']), times: readings.map(({ ts }) => ts) });
        const [status, answered] = answer(requests.length);
        if (status === 0) request.socket.destroy();
        else response.writeHead(status, { 'retry-after': '0' }).end(JSON.stringify(answered));
      });
    });
    server = created;
    await new Promise<void>((done) => created.listen(0, '127.0.0.1', done));
    return { client: new ApiClient({ url: `http://127.0.0.1:${(created.address() as AddressInfo).port}` }), requests };
  }

  const rows = (count: number): SourceRow[] =>
    Array.from({ length: count }, (_, i) => ({ row: i + 1, reading: { device: 'd', ts: i, values: { a: 1 } } }));

  it('sends batches in order, each with a key of its own', async () => {
    const { client, requests } = await serve(() => [202, { accepted: 2, rejected: [] }]);
    const totals = await upload(rows(5), client, { batchSize: 2 });
    assert.deepEqual(
      requests.map(({ times }) => times),
      [[0, 1], [2, 3], [4]],
    );
    assert.equal(new Set(requests.map(({ key }) => key)).size, 3);
    assert.equal(totals.accepted, 5);
  });

  it('repeats a batch under its key after 503 and after a lost connection', async () => {
    const { client, requests } = await serve((n) => (n === 1 ? [503, {}] : n === 2 ? [0, {}] : [202, { accepted: 2 }]));
    await upload(rows(4), client, { batchSize: 2 });
    assert.deepEqual(
      requests.map(({ times }) => times[0]),
      [0, 0, 0, 2],
    );
    assert.equal(new Set(requests.slice(0, 3).map(({ key }) => key)).size, 1);
  });

  it('counts refusals of both sides, with their rows', async () => {
    const { client } = await serve(() => [
      202,
      { accepted: 1, rejected: [{ index: 1, reason: 'odd' }], rejectedCount: 2 },
    ]);
    const bad: SourceRow = { row: 9, reason: 'no time' };
    const totals = await upload([bad, ...rows(3)], client, { batchSize: 10 });
    assert.deepEqual(
      { ...totals, devices: [...totals.devices] },
      { rows: 4, accepted: 1, resent: 0, invalid: 3, devices: ['d'], refusals: [bad, { row: 2, reason: 'odd' }] },
    );
  });

  it('takes 422 for a batch of which nothing was accepted', async () => {
    const { client } = await serve(() => [422, { rejected: [{ index: 0, reason: 'odd' }] }]);
    const totals = await upload(rows(2), client, { batchSize: 10 });
    assert.equal(totals.accepted, 0);
    assert.equal(totals.invalid, 2);
  });

  it('keeps the reason of a request that is refused as a whole', async () => {
    const { client } = await serve(() => [422, { title: 'Odd', detail: 'came before', rejected: [] }]);
    const totals = await upload(rows(2), client, { batchSize: 10 });
    assert.deepEqual([totals.invalid, totals.refusals], [2, [{ row: 1, reason: 'Odd: came before' }]]);
  });

  it('waits out 409 and 504, and counts what may have been taken twice', async () => {
    const { client } = await serve((n) => (n === 1 ? [504, {}] : n === 2 ? [409, {}] : [202, { accepted: 2 }]));
    const totals = await upload(rows(4), client, { batchSize: 2 });
    assert.deepEqual([totals.accepted, totals.resent], [4, 2]);
  });

  it('sends what was read before a damage of the source', async () => {
    const { client, requests } = await serve(() => [202, {}]);
    function* damaged(): Generator<SourceRow> {
      yield* rows(3);
      throw new Error('torn');
    }
    const totals = noTotals();
    await assert.rejects(upload(damaged(), client, { batchSize: 2 }, totals), /torn/);
    assert.deepEqual([totals.accepted, requests.length], [3, 2]);
  });

  it('stops at the first batch that the server refuses as a whole', async () => {
    const { client, requests } = await serve((n) => (n === 1 ? [202, {}] : [401, { title: 'Who are you?' }]));
    await assert.rejects(upload(rows(10), client, { batchSize: 2 }), /401 Who are you\?/);
    assert.equal(requests.length, 2);
  });
});
