import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { startGatewayNode, type GatewayNode, type GatewayNodeOptions } from '../support/gateway-node.js';
import { ask, postJson } from '../support/http-client.js';
import { sampleAlert } from '../support/sample-records.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

interface Told {
  readonly id: string;
  readonly event: string;
  readonly data: { readonly change?: string; readonly alert?: { readonly device: string }; readonly device?: string };
}

describe('events over a WebSocket', () => {
  const folder = temporaryFolder();
  const open: WebSocket[] = [];
  let node: GatewayNode;
  afterEach(async () => {
    for (const socket of open.splice(0)) socket.terminate();
    await node.stop();
  });
  const start = async (options: GatewayNodeOptions = {}) => (node = await startGatewayNode(options));
  const connect = (query = '', protocols: string[] = []): WebSocket => {
    const socket = new WebSocket(`${node.url.replace('http', 'ws')}/v1/events/socket${query}`, protocols);
    open.push(socket);
    return socket;
  };
  async function listen(query = '', protocols: string[] = []): Promise<{ socket: WebSocket; told: Told[] }> {
    const socket = connect(query, protocols);
    const told: Told[] = [];
    socket.on('message', (data: Buffer) => told.push(JSON.parse(data.toString()) as Told));
    await once(socket, 'open');
    return { socket, told };
  }
  const happen = (device: string, tenant = 'default') =>
    node.broker.broadcastLocal('alert.raised', { alert: sampleAlert({ device, tenant, id: `a-${device}` }) });
  const refusal = (socket: WebSocket) =>
    new Promise<number>((resolve) => {
      socket.on('error', () => undefined);
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    });

  it('are those of the tenant, of one device where it is named, and of a device that is gone', async () => {
    await start();
    const [all, one] = [await listen(), await listen('?device=fan-1')];
    await happen('pump-7');
    await happen('pump-7', 'acme');
    await happen('fan-1');
    await node.broker.broadcastLocal('device.forgotten', { tenant: 'default', device: 'fan-1' });
    await until('them', () => all.told.length === 3 && one.told.length === 2);
    assert.deepEqual(
      all.told.map(({ event, data }) => [event, data.change ?? data.device, data.alert?.device]),
      [
        ['alert', 'raised', 'pump-7'],
        ['alert', 'raised', 'fan-1'],
        ['forgotten', 'fan-1', undefined],
      ],
    );
    assert.ok(one.told.every(({ data }) => (data.alert?.device ?? data.device) === 'fan-1'));
  });

  it('go on after the last one that was heard', async () => {
    await start();
    const first = await listen();
    await happen('pump-1');
    await until('the first', () => first.told.length === 1);
    first.socket.terminate();
    await happen('pump-2');
    const again = await listen(`?after=${first.told[0]!.id}`);
    await until('what was missed', () => again.told.length === 1);
    assert.equal(again.told[0]?.data.alert?.device, 'pump-2');
    const strange = await listen('?after=000000000000-1');
    await until('that some is missing', () => strange.told.length === 1);
    assert.equal(strange.told[0]?.event, 'missed');
  });

  it('are JSON whatever people write', async () => {
    await start();
    const { told } = await listen();
    const note = 'a\u2028b\u2029c\r\nd\n\ne';
    await node.broker.broadcastLocal('alert.raised', { alert: sampleAlert({ reasons: [note] }) });
    await until('the event', () => told.length === 1);
    assert.ok(JSON.stringify(told[0]!.data).includes(JSON.stringify(note).slice(1, -1)));
  });

  it('end when the key is taken back', async () => {
    await start({ auth: 'on', dataDir: folder() });
    const admin = { Authorization: `Bearer ${/rsk_\S+/.exec(node.printed[0] ?? '')![0]}` };
    const { json } = await postJson(`${node.url}/v1/keys`, { name: 'r', role: 'viewer' }, admin);
    const { key } = json as { key: string };
    const { socket } = await listen('', ['redshank.v1', key]);
    const stream = await fetch(`${node.url}/v1/events`, { headers: { Authorization: `Bearer ${key}` } });
    const rest = stream.text().catch(() => 'cut');
    await ask(`${node.url}/v1/keys/r`, { method: 'DELETE', headers: admin });
    await Promise.all([once(socket, 'close'), rest]);
  });

  it('leave room for other tenants', async () => {
    await start({ auth: 'on', dataDir: folder(), rateLimiting: false });
    const admin = { Authorization: `Bearer ${/rsk_\S+/.exec(node.printed[0] ?? '')![0]}` };
    const keyOf = async (name: string, tenant: string) =>
      ((await postJson(`${node.url}/v1/keys`, { name, tenant, role: 'viewer' }, admin)).json as { key: string }).key;
    const [acme, globex] = [await keyOf('a', 'acme'), await keyOf('g', 'globex')];
    for (let i = 0; i < 96; i++) await listen('', ['redshank.v1', acme]);
    assert.equal(await refusal(connect('', ['redshank.v1', acme])), 503);
    await listen('', ['redshank.v1', globex]);
  });

  it('are for keys that may look, and for queries that can be', async () => {
    await start({ auth: 'on', dataDir: folder() });
    const admin = /rsk_\S+/.exec(node.printed[0] ?? '')![0];
    const headers = { Authorization: `Bearer ${admin}` };
    const { json } = await postJson(`${node.url}/v1/keys`, { name: 'w', role: 'writer' }, headers);
    assert.equal(await refusal(connect()), 401);
    assert.equal(await refusal(connect('', ['redshank.v1', (json as { key: string }).key])), 403);
    assert.equal(await refusal(connect('?device=a%20b', ['redshank.v1', admin])), 422);
    assert.equal(await refusal(connect('?what=1', ['redshank.v1', admin])), 422);
    await listen('', ['redshank.v1', admin]);
  });
});
