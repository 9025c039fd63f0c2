import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiClient, type ClientOptions } from '../../../cli/client.js';
import { CommandFailure } from '../../../cli/command-failure.js';

describe('ApiClient', () => {
  let server: Server | undefined;
  afterEach(() => server?.close().closeAllConnections());

  async function serve(listener: RequestListener, options: Partial<ClientOptions> = {}): Promise<ApiClient> {
    const created = createServer(listener);
    server = created;
    await new Promise<void>((done) => created.listen(0, '127.0.0.1', done));
    return new ApiClient({ url: `http://127.0.0.1:${(created.address() as AddressInfo).port}/`, ...options });
  }

  const failure = (exitCode: number, message: RegExp) => (error: unknown) => {
    assert.ok(error instanceof CommandFailure);
    assert.equal(error.exitCode, exitCode);
    assert.match(error.message, message);
    return true;
  };

  it('sends the key and the query', async () => {
    const client = await serve(
      (request, response) => {
        response.end(JSON.stringify({ url: request.url, key: request.headers.authorization }));
      },
      { key: 'rsk_x' },
    );
    const query = { device: 'a b/c', limit: 3, cursor: undefined };
    assert.deepEqual(await client.get('/v1/alerts', { query }), {
      url: '/v1/alerts?device=a+b%2Fc&limit=3',
      key: 'Bearer rsk_x',
    });
  });

  it('waits as long as Retry-After says, then tries again', async () => {
    let calls = 0;
    const client = await serve((_request, response) => {
      calls++;
      if (calls < 3) response.writeHead(calls === 1 ? 503 : 429, { 'retry-after': '0' }).end();
      else response.end('{}');
    });
    await client.post('/v1/readings', { body: {} });
    assert.equal(calls, 3);
  });

  it('gives up when the wait would be too long', async () => {
    const listener: RequestListener = (_request, response) => response.writeHead(429, { 'retry-after': '50' }).end();
    const client = await serve(listener, { retryForMs: 100 });
    await assert.rejects(client.get('/'), failure(1, /API_RATE_LIMIT/));
  });

  it('turns problems into words and exit codes', async () => {
    const client = await serve((request, response) => {
      const status = Number(request.url?.slice(1));
      response.writeHead(status).end(JSON.stringify({ title: 'Odd', detail: 'device "x\u001b[31m" is odd' }));
    });
    await assert.rejects(client.get('/404'), failure(4, /^404 Odd: device "x\?\[31m" is odd$/));
    await assert.rejects(client.get('/401'), failure(1, /REDSHANK_API_KEY/));
    await assert.rejects(client.get('/422'), failure(5, /Odd/));
    assert.equal(await client.find('/404'), undefined);
  });

  it('does not wait for ever', async () => {
    const client = await serve(() => undefined, { requestTimeoutMs: 50 });
    await assert.rejects(client.get('/'), failure(3, /no answer in time/));
  });

  it('says when something else answers', async () => {
    const client = await serve((_request, response) => response.end('<html>'));
    await assert.rejects(client.get('/'), failure(1, /is not Redshank/));
  });

  it('survives a lost connection where asked to', async () => {
    let calls = 0;
    const client = await serve((request, response) => {
      if (++calls === 1) request.socket.destroy();
      else response.end('{}');
    });
    await client.get('/', { survivesRestart: true });
    assert.equal(calls, 2);
  });
});
