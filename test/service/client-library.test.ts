import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { RedshankClient, RedshankError, type ClientOptions, type Reading } from '../../client/redshank-client.js';
import { startGatewayNode, type GatewayNode } from '../support/gateway-node.js';
import { sampleAlert, scoreRows } from '../support/sample-records.js';

const reading = (i: number, device = 'pump-7'): Reading => ({ device, ts: i, values: { temp: i } });

describe('redshank/client', () => {
  describe('with a server', () => {
    let node: GatewayNode;
    beforeEach(async () => {
      node = await startGatewayNode();
    });
    afterEach(() => node.stop());

    it('sends in batches, in order, all of it before it is closed', async () => {
      const client = new RedshankClient({ url: node.url, maxBatch: 40 });
      for (let i = 0; i < 100; i++) assert.equal(client.add(reading(i)), true);
      await client.close();
      assert.deepEqual(
        node.taken.map(({ timeMs }) => timeMs),
        Array.from({ length: 100 }, (_, i) => i),
      );
      const { accepted, requests, buffered } = client.stats();
      assert.deepEqual([accepted, requests, buffered], [100, 3, 0]);
      assert.throws(() => client.add(reading(1)), /closed/);
    });

    it('sends what is added after a flush', async () => {
      const client = new RedshankClient({ url: node.url, maxDelayMs: 60_000 });
      for (const i of [1, 2, 3]) {
        client.add(reading(i));
        await client.flush();
        assert.equal(node.taken.length, i);
      }
      await client.close();
    });

    it('tells what the server refuses, and sends the rest', async () => {
      const refused: unknown[] = [];
      const client = new RedshankClient({ url: node.url, onRejected: (rejected) => refused.push(...rejected) });
      client.add(reading(1));
      client.add(reading(2, 'a b'));
      await client.close();
      assert.equal(node.taken.length, 1);
      assert.match(JSON.stringify(refused), /"reading":\{"device":"a b".*"reason":"device must be/);
      assert.equal(client.stats().rejected, 1);
    });

    it('is imported by its name, and has a sibling in Python', async function () {
      assert.equal((await import('redshank/client')).RedshankClient.name, 'RedshankClient');
      assert.equal(
        (await fetch(`${node.url}/redshank-client.js`)).headers.get('content-type'),
        'text/javascript; charset=utf-8',
      );
      if (spawnSync('python3', ['--version']).error !== undefined) this.skip();
      const script = fileURLToPath(new URL('../../examples/python/send_readings.py', import.meta.url));
      const child = spawn('python3', [script, '--url', node.url, '--device', 'fan-1', '--batch', '2']);
      child.stdin.end('ts,temp,vib\n1,20,0.5\n2,21,\n2026-01-01T00:00:00Z,22,0.4\n');
      let out = '';
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
      await once(child, 'exit');
      assert.equal(out, '3 readings are on disk\n');
      assert.deepEqual(
        node.taken.map(({ device, timeMs, values }) => [device, timeMs, values]),
        [
          ['fan-1', 1, [20, 0.5]],
          ['fan-1', 2, [21, NaN]],
          ['fan-1', 1_767_225_600_000, [22, 0.4]],
        ],
      );
    });

    it('looks at devices, scores, alerts and predictions', async () => {
      const rows = Array.from({ length: 5 }, (_, i) => ({ timeMs: 1_000 * i, values: { temp: 20 } }));
      await node.readSide.writeScores(0, 1, scoreRows('pump-7', rows));
      node.readSide.alertsById.set('a1', sampleAlert());
      const client = new RedshankClient({ url: node.url });
      const list = async (all: AsyncIterable<unknown>) => {
        const found: unknown[] = [];
        for await (const one of all) found.push(one);
        return found;
      };
      assert.equal((await client.device('pump-7'))['device'], 'pump-7');
      assert.equal((await list(client.devices())).length, 1);
      assert.equal((await list(client.scores('pump-7', { from: new Date(1_000) }))).length, 4);
      assert.equal((await list(client.alerts({ status: 'open' }))).length, 1);
      assert.equal((await client.acknowledge('a1', 'on it'))['status'], 'acknowledged');
      assert.equal(((await client.predict([[1], [2]]))['scores'] as unknown[]).length, 2);
      await assert.rejects(client.device('nobody'), (error: RedshankError) => error.status === 404);
    });
  });

  describe('with a server that fails', () => {
    let server: Server;
    let url: string;
    let requests: { readonly key: string; readonly readings: readonly Reading[] }[];
    /** Answers of the next requests; then all is taken. */
    let answers: ((response: ServerResponse) => void)[];

    beforeEach(async () => {
      requests = [];
      answers = [];
      server = createServer((request, response) => void serve(request, response));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterEach(() => {
      server.closeAllConnections();
      server.close();
    });

    async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const bytes = Buffer.concat(chunks);
      const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString();
      const { readings } = JSON.parse(text) as { readings: Reading[] };
      requests.push({ key: request.headers['idempotency-key'] as string, readings });
      const answer = answers.shift();
      if (answer !== undefined) answer(response);
      else {
        response.writeHead(202, { 'Content-Type': 'application/json' });
        response.end(JSON.stringify({ accepted: readings.length, rejected: [], rejectedCount: 0 }));
      }
    }
    const status =
      (code: number, headers: Record<string, string> = {}) =>
      (response: ServerResponse) =>
        response.writeHead(code, headers).end('{"detail":"no"}');
    const open = (options: Partial<ClientOptions> = {}) =>
      new RedshankClient({ url, firstRetryMs: 1, longestRetryMs: 2, ...options });

    it('sends a batch again with the same key until it is taken', async () => {
      answers = [status(503), status(429), status(500), (response) => response.destroy(), status(504)];
      const reasons: number[] = [];
      const client = open({ onRetry: ({ status }) => reasons.push(status) });
      client.add(reading(1));
      await client.close();
      assert.deepEqual(reasons, [503, 429, 500, 0, 504]);
      assert.equal(new Set(requests.map(({ key }) => key)).size, 1);
      assert.deepEqual([client.stats().accepted, client.stats().retries], [1, 5]);
    });

    it('flushes what there is, while more comes', async () => {
      const client = open({ maxDelayMs: 1 });
      client.add(reading(1));
      const adding = setInterval(() => client.add(reading(2)), 1);
      answers = Array.from({ length: 1_000 }, () => (response: ServerResponse) => {
        client.add(reading(3));
        response.writeHead(202).end('{"accepted":1,"rejected":[],"rejectedCount":0}');
      });
      await client.flush({ timeoutMs: 5_000 });
      clearInterval(adding);
      answers = [];
      await client.close();
    });

    it('waits as long as the server says', async () => {
      answers = [status(503, { 'Retry-After': '1' })];
      const client = open();
      client.add(reading(1));
      await assert.rejects(client.flush({ timeoutMs: 300 }), /not all was sent within 300 ms/);
      assert.equal(requests.length, 1);
      await client.close();
      assert.equal(requests.length, 2);
    });

    it('halves a batch that is too large', async () => {
      answers = [status(413), status(413)];
      const client = open();
      for (let i = 0; i < 8; i++) client.add(reading(i));
      await client.close();
      assert.deepEqual(
        requests.map(({ readings }) => readings.length),
        [8, 4, 2, 2, 4],
      );
      assert.equal(client.stats().accepted, 8);
    });

    it('gives a batch up that will never be taken, and goes on', async () => {
      answers = [status(422)];
      let refused = 0;
      const client = open({ maxBatch: 2, onRejected: (_, count) => (refused += count) });
      for (let i = 0; i < 4; i++) client.add(reading(i));
      await client.close();
      assert.deepEqual([refused, client.stats().accepted], [2, 2]);
    });

    it('stops when its key is refused', async () => {
      answers = [status(401)];
      const stopped: Error[] = [];
      const client = open({ onStopped: (error) => stopped.push(error) });
      client.add(reading(1));
      await assert.rejects(client.flush(), (error: RedshankError) => error.status === 401);
      assert.equal(stopped.length, 1);
      assert.throws(() => client.add(reading(2)), RedshankError);
      assert.equal(client.stats().buffered, 1);
    });

    it('keeps no more than it may', async () => {
      const hold: (() => void)[] = [];
      answers = [(response) => hold.push(() => status(422)(response))];
      const client = open({ maxBuffered: 3, maxBatch: 1 });
      assert.deepEqual(
        [1, 2, 3, 4].map((i) => client.add(reading(i))),
        [true, true, true, false],
      );
      const dropping = open({ maxBuffered: 2, onFull: 'drop-oldest', maxDelayMs: 60_000 });
      for (const i of [1, 2, 3]) assert.equal(dropping.add(reading(i)), true);
      await dropping.close();
      assert.deepEqual(
        requests.at(-1)!.readings.map(({ ts }) => ts),
        [2, 3],
      );
      assert.equal(dropping.stats().dropped, 1);
      hold[0]!();
      await client.close();
    });

    it('ends at once when it is told to', async () => {
      answers = Array.from({ length: 1_000 }, () => status(503));
      const stop = new AbortController();
      const client = open({ signal: stop.signal, firstRetryMs: 60_000, longestRetryMs: 60_000 });
      client.add(reading(1));
      const flushing = client.flush();
      stop.abort(new Error('enough'));
      await assert.rejects(flushing, /enough/);
    });
  });

  it('refuses options that cannot be used', () => {
    assert.throws(() => new RedshankClient({ url: 'nonsense' }), TypeError);
    assert.throws(() => new RedshankClient({ url: 'http://a', maxBatch: 0 }), /maxBatch must be a number over 0/);
  });
});
