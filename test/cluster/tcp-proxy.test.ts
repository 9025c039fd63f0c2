/** The network that the cluster tests break is broken in the way they say. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

/** Long enough for anything that is delivered at all. */
const LOOPBACK_MS = 150;

describe('tcp proxy', () => {
  let echo: Server;
  let proxy: TcpProxy;
  const clients: Socket[] = [];

  beforeEach(async () => {
    echo = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const address = echo.address();
    assert.ok(address !== null && typeof address === 'object');
    proxy = await TcpProxy.start(address.port);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.stop();
    echo.close();
  });

  async function client(): Promise<{ socket: Socket; received: () => string }> {
    const socket = connect(proxy.port, '127.0.0.1');
    clients.push(socket);
    let received = '';
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => (received += bytes.toString()));
    await once(socket, 'connect');
    return { socket, received: () => received };
  }

  it('delivers', async () => {
    const { socket, received } = await client();
    socket.write('hello');
    await until('the echo', () => received() === 'hello');
  });

  it('cut, it takes connections and delivers nothing; healed, it delivers what was kept back', async () => {
    const old = await client();
    old.socket.write('1');
    await until('the echo', () => old.received() === '1');
    proxy.cut();
    old.socket.write('2');
    const fresh = await client();
    fresh.socket.write('3');
    await sleep(LOOPBACK_MS);
    assert.equal(old.received(), '1');
    assert.equal(fresh.received(), '');
    proxy.heal();
    await until('what was kept back', () => old.received() === '12' && fresh.received() === '3');
  });

  it('slowed down, it lets a little through', async () => {
    const { socket, received } = await client();
    proxy.slow(10_000);
    socket.write('x'.repeat(100_000));
    await until('a little', () => received().length > 0);
    await sleep(LOOPBACK_MS);
    assert.ok(received().length < 20_000, String(received().length));
    proxy.heal();
    await until('all', () => received().length === 100_000);
  });

  it('closes connections', async () => {
    const { socket } = await client();
    socket.write('x');
    await once(socket, 'data');
    const closed = once(socket, 'close');
    proxy.closeConnections();
    await closed;
  });
});
