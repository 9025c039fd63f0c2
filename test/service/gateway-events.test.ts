import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { scoreView } from '../../models/domain/score-view.js';
import { DEFAULT_TENANT } from '../../models/domain/identity.js';
import { startGatewayNode, type GatewayNode } from '../support/gateway-node.js';
import { sampleAlert, scoreRows } from '../support/sample-records.js';
import { ask } from '../support/http-client.js';
import { until } from '../support/until.js';

interface Listener {
  readonly events: { readonly event: string; readonly data: { device?: string; alert?: { id: string } } }[];
  readonly lastId: () => string;
  readonly isOpen: () => boolean;
  stop(): void;
}

async function listen(url: string, query = '', lastId?: string): Promise<Listener> {
  const stop = new AbortController();
  const response = await fetch(`${url}/v1/events${query}`, {
    signal: stop.signal,
    headers: lastId === undefined ? {} : { 'last-event-id': lastId },
  });
  assert.equal(response.status, 200);
  const events: Listener['events'] = [];
  let last = '';
  const onEvent = ({ id, event, data }: EventSourceMessage): void => {
    last = id ?? last;
    events.push({ event: event ?? '', data: JSON.parse(data) as Listener['events'][number]['data'] });
  };
  const parser = createParser({ onEvent });
  let isOpen = true;
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
  };
  read()
    .catch(() => undefined)
    .finally(() => (isOpen = false));
  return { events, lastId: () => last, isOpen: () => isOpen, stop: () => stop.abort() };
}

describe('gateway: events', () => {
  let node: GatewayNode;
  beforeEach(async () => {
    node = await startGatewayNode({ rateLimiting: false });
  });
  afterEach(() => node.stop());

  const score = (device: string, words = ''): Promise<void> => {
    const batch = scoreRows(device, [{ timeMs: 0, values: { temp: 20 } }]);
    const row = { device, ...scoreView(batch, 0), ...(words !== '' && { reasons: [words] }) };
    return node.broker.broadcast('score.computed', { tenant: DEFAULT_TENANT, rows: [row] });
  };
  const alert = (device: string): Promise<void> =>
    node.broker.broadcast('alert.raised', { alert: sampleAlert({ id: `of-${device}`, device }) });

  it('tells scores and alerts as they come', async () => {
    const listener = await listen(node.url);
    await score('pump-7');
    await alert('pump-7');
    await until('two events', () => listener.events.length === 2);
    assert.deepEqual(
      listener.events.map(({ event }) => event),
      ['score', 'alert'],
    );
    assert.equal(listener.events[0]!.data.device, 'pump-7');
    assert.deepEqual(
      { ...listener.events[1]!.data, alert: listener.events[1]!.data.alert!.id },
      { change: 'raised', alert: 'of-pump-7' },
    );
    listener.stop();
  });

  it('tells of one device, or of one device and all alerts', async () => {
    const one = await listen(node.url, '?device=a');
    const withAlerts = await listen(node.url, '?device=a&alerts=all');
    for (const device of ['b', 'a']) {
      await score(device);
      await alert(device);
    }
    await until('the last events', () => one.events.length >= 2 && withAlerts.events.length >= 3);
    const namesOf = ({ events }: Listener): (string | undefined)[] =>
      events.map(({ data }) => data.device ?? data.alert?.id);
    assert.deepEqual(namesOf(one), ['a', 'of-a']);
    assert.deepEqual(namesOf(withAlerts), ['of-b', 'a', 'of-a']);
    one.stop();
    withAlerts.stop();
  });

  it('keeps tenants apart', async () => {
    const listener = await listen(node.url);
    await node.broker.broadcast('alert.raised', { alert: sampleAlert({ id: 'theirs', tenant: 'other' }) });
    await alert('mine');
    await until('an event', () => listener.events.length > 0);
    assert.equal(listener.events[0]!.data.alert?.id, 'of-mine');
    listener.stop();
  });

  it('drops a reader that does not read, and keeps the others', async () => {
    const listener = await listen(node.url);
    const lazy = await lazyReader(node.url);
    const dropped = async (): Promise<boolean> =>
      /event_streams_dropped_total 1/.test((await ask(`${node.url}/metrics`)).text);
    await until('the drop', async () => {
      await score('pump-7', 'x'.repeat(1_000_000));
      return dropped();
    });
    assert.ok(listener.isOpen());
    lazy.destroy();
    listener.stop();
  });

  it('ends streams when it stops, at once', async () => {
    const listener = await listen(node.url);
    const startMs = performance.now();
    await node.stop();
    await until('the end', () => !listener.isOpen());
    assert.ok(performance.now() - startMs < 3_000);
  });

  it('go on where a reader was that lost its connection', async () => {
    const first = await listen(node.url);
    await score('pump-1');
    await until('an event', () => first.events.length === 1);
    first.stop();
    await score('pump-2');
    await alert('pump-3');
    const again = await listen(node.url, '', first.lastId());
    await until('what came meanwhile', () => again.events.length === 2);
    const devices = again.events.map(({ data }) => data.device ?? data.alert?.id);
    assert.deepEqual(devices, ['pump-2', 'of-pump-3']);
    const narrow = await listen(node.url, '?device=pump-2', first.lastId());
    await until('what is of this device', () => narrow.events.length === 1);
    again.stop();
    narrow.stop();
  });

  it('say when what came meanwhile is not kept', async () => {
    const listener = await listen(node.url, '', '0123456789ab-7');
    await until('a word of it', () => listener.events.length === 1);
    assert.equal(listener.events[0]!.event, 'missed');
    listener.stop();
  });
});

/** Asks for events and never reads the answer. */
async function lazyReader(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.pause();
  socket.on('error', () => undefined);
  socket.write(`GET /v1/events HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  await until('the stream', async () => /redshank_event_streams 2/.test((await ask(`${url}/metrics`)).text));
  return socket;
}
