import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { startGatewayNode, type GatewayNode, type GatewayNodeOptions } from '../support/gateway-node.js';
import { ask, postJson } from '../support/http-client.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

interface Said {
  readonly id?: unknown;
  readonly accepted?: number;
  readonly rejected?: readonly { readonly index: number }[];
  readonly error?: { readonly status: number; readonly detail: string; readonly retryAfterSec?: number };
}

describe('readings over a WebSocket', () => {
  const folder = temporaryFolder();
  const open: WebSocket[] = [];
  let node: GatewayNode;
  afterEach(async () => {
    for (const socket of open.splice(0)) socket.terminate();
    await node.stop();
  });
  const start = async (options: GatewayNodeOptions = {}) => (node = await startGatewayNode(options));
  const connect = (protocols: string[] = [], headers: Record<string, string> = {}): WebSocket => {
    const socket = new WebSocket(`${node.url.replace('http', 'ws')}/v1/readings/socket`, protocols, { headers });
    open.push(socket);
    return socket;
  };
  const opened = async (socket: WebSocket) => {
    await once(socket, 'open');
    return socket;
  };
  const said = async (socket: WebSocket): Promise<Said> => {
    const [data] = (await once(socket, 'message')) as [Buffer];
    return JSON.parse(data.toString()) as Said;
  };
  const message = (ts: number, id?: unknown) =>
    JSON.stringify({ ...(id !== undefined && { id }), readings: [{ device: 'pump-7', ts, values: { temp: 1 } }] });
  /** Status of a connection that is not upgraded. */
  const refusal = (socket: WebSocket) =>
    new Promise<number>((resolve) => {
      socket.on('error', () => undefined);
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    });

  it('are taken and answered in order, message by message', async () => {
    await start();
    const socket = await opened(connect());
    const answers: Said[] = [];
    const all = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        if (answers.push(JSON.parse(data.toString()) as Said) === 30) resolve();
      });
    });
    for (let i = 0; i < 30; i++) socket.send(message(i, i));
    await all;
    assert.deepEqual(
      answers.map(({ id, accepted }) => [id, accepted]),
      Array.from({ length: 30 }, (_, i) => [i, 1]),
    );
    assert.deepEqual(
      node.taken.map(({ timeMs }) => timeMs),
      Array.from({ length: 30 }, (_, i) => i),
    );
  });

  it('that are no good are told so, and the next ones are taken', async () => {
    await start();
    const socket = await opened(connect());
    for (const bad of [
      'nonsense',
      '[]',
      '{"readings":[]}',
      '{"readings":[{"device":"a b","ts":1,"values":{"t":1}}]}',
    ]) {
      socket.send(bad);
      assert.ok([400, 422].includes((await said(socket)).error!.status), bad);
    }
    socket.send(message(1));
    assert.deepEqual((await said(socket)).accepted, 1);
  });

  it('wait where too much waits', async () => {
    await start();
    node.failure = Object.assign(new Error('the queue is full'), { type: 'OVERLOADED', data: { retryAfterMs: 3_000 } });
    const socket = await opened(connect());
    socket.send(message(1, 'a'));
    const { id, error } = await said(socket);
    assert.deepEqual([id, error!.status, error!.retryAfterSec], ['a', 503, 3]);
  });

  it('wait while their answers are not read', async () => {
    await start();
    const socket = await opened(connect());
    const answers: unknown[] = [];
    socket.on('message', (data: Buffer) => answers.push(data.length));
    socket.pause();
    // Each is answered with its id: 40 MB of answers.
    for (let i = 0; i < 400; i++) socket.send(message(i, 'x'.repeat(100_000)));
    let before = -1;
    await until(
      'no more to be taken',
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        const now = node.taken.length;
        const isStill = now === before && now > 0;
        before = now;
        return isStill;
      },
      20_000,
    );
    assert.ok(node.taken.length < 300, `${node.taken.length} were taken of one that reads no answer`);
    socket.resume();
    await until('all to be answered', () => answers.length === 400, 20_000);
  });

  it('need a key, in a header or among the protocols, for as long as it is good', async () => {
    await start({ auth: 'on', dataDir: folder() });
    const admin = { Authorization: `Bearer ${/rsk_\S+/.exec(node.printed[0]!)![0]}` };
    const make = async (name: string, role: string) =>
      ((await postJson(`${node.url}/v1/keys`, { name, role }, admin)).json as { key: string }).key;
    const [writer, viewer] = [await make('w', 'writer'), await make('v', 'viewer')];
    assert.equal(await refusal(connect()), 401);
    assert.equal(await refusal(connect(['redshank.v1', viewer])), 403);
    const socket = await opened(connect(['redshank.v1', writer]));
    assert.equal(socket.protocol, 'redshank.v1');
    socket.send(message(1));
    assert.equal((await said(socket)).accepted, 1);
    await opened(connect([], { 'X-API-Key': writer }));
    await ask(`${node.url}/v1/keys/w`, { method: 'DELETE', headers: admin });
    socket.send(message(2));
    const [{ error }] = await Promise.all([said(socket), once(socket, 'close')]);
    assert.equal(error!.status, 401);
  });

  it('are not taken in messages that are too large', async () => {
    await start();
    const socket = await opened(connect());
    socket.on('error', () => undefined);
    socket.send(JSON.stringify({ readings: ['x'.repeat(1_100_000)] }));
    const [code] = (await once(socket, 'close')) as [number];
    assert.equal(code, 1009);
  });

  it('are at one address only', async () => {
    await start();
    const other = new WebSocket(`${node.url.replace('http', 'ws')}/v1/events`);
    open.push(other);
    assert.equal(await refusal(other), 404);
  });
});
