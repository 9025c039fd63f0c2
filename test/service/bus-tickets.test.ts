import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import type { Context, ServiceBroker } from 'moleculer';
import { pino } from 'pino';
import { action } from '../../mixins/bus/action-policy.js';
import { actFor, callerOf, type Caller } from '../../mixins/bus/caller.js';
import { signTicket, type TicketUse } from '../../models/security/ticket.js';
import { knows, TestBus, type Member } from '../support/bus-brokers.js';
import { until } from '../support/until.js';

interface Seen {
  readonly caller: Caller;
  readonly params: unknown;
  readonly meta: unknown;
  readonly headers: unknown;
}

describe('the guard of the bus', () => {
  let bus: TestBus;
  let callee: Member;
  let gateway: Member;
  let stranger: ServiceBroker;
  const events: unknown[] = [];
  const heard: Record<string, unknown>[] = [];
  const see = (ctx: Context): Seen => ({
    caller: callerOf(ctx),
    params: ctx.params,
    meta: ctx.meta,
    headers: ctx.headers,
  });

  before(async () => {
    bus = await TestBus.start();
    callee = await bus.member('callee', [
      {
        name: 'scorer',
        actions: {
          explain: action({ publicFor: 'read' }, see),
          limit: action({ publicFor: 'read' }, (ctx: Context) => ctx.options.timeout),
          train: see,
          itself: (ctx: Context) => ctx.call('scorer.train', {}),
          hidden: { visibility: 'protected', handler: see },
        },
        events: { 'score.computed': (ctx: Context) => void events.push(ctx.params) },
      },
    ]);
    gateway = await bus.member('gateway', [
      {
        name: 'door',
        actions: {
          async forPerson(ctx: Context<Caller>) {
            actFor(ctx, ctx.params);
            return [await ctx.call('scorer.train', { tenant: 'default' }), ctx.meta, ctx.headers];
          },
          forKey: action({ publicFor: 'read' }, (ctx: Context) => ctx.call('scorer.train', {})),
          ofOther: (ctx: Context<Caller>) => {
            actFor(ctx, ctx.params);
            return ctx.call('scorer.train', { tenant: 'other' });
          },
        },
      },
    ]);
    stranger = await bus.stranger('stranger', [
      { name: 'ear', events: { 'score.computed': (ctx: Context) => void heard.push(ctx.headers) } },
    ]);
    await Promise.all([
      knows(gateway.broker, 'scorer.explain', 'callee'),
      knows(stranger, 'scorer.explain', 'callee'),
      knows(stranger, 'door.forKey', 'gateway'),
    ]);
  });
  after(() => bus.stop());

  const ticket = (use: Partial<TicketUse>, secret: Uint8Array = bus.secret, ageSec = 0) =>
    signTicket(
      { name: 'x', tenant: '*', role: 'service', issuedSec: Math.floor(Date.now() / 1_000) - ageSec, nonce: 'n' },
      { action: 'scorer.train', node: 'callee', ...use },
      createSecretKey(secret),
    );
  const knock = (name: string, options: object, params: object = {}) =>
    stranger.call<Seen, object>(name, params, options);

  it('lets members in, and says who they are', async () => {
    const { caller, headers } = await gateway.broker.call<Seen, object>('scorer.train', {});
    assert.deepEqual(headers, {}, 'the ticket stays where it was checked');
    assert.deepEqual(caller, { kind: 'service', name: 'gateway', tenant: '*', role: 'service' });
  });

  it('lets calls inside one process pass', async () => {
    assert.equal((await callee.broker.call<Seen, object>('scorer.itself', {})).caller.name, 'local');
    assert.equal((await callee.broker.call<Seen, object>('scorer.hidden', {})).caller.name, 'local');
  });

  it('passes on for whom a member calls, and keeps it to that tenant', async () => {
    const ann: Caller = { kind: 'key', name: 'ann', tenant: 'default', role: 'admin' };
    const [seen, meta, headers] = await gateway.broker.call<[Seen, object, object], Caller>('door.forPerson', ann);
    assert.deepEqual(seen.caller, { ...ann, kind: 'service' });
    assert.deepEqual([meta, headers], [{}, {}]);
    await assert.rejects(gateway.broker.call('door.ofOther', ann), { type: 'FORBIDDEN' });
  });

  it('refuses who has nothing to show, whatever the call says', async () => {
    for (const options of [{}, { meta: { caller: 'gateway', tenant: '*' } }, { headers: { ticket: '1.e30.x' } }]) {
      await assert.rejects(knock('scorer.train', options), { type: 'UNAUTHENTICATED', code: 401 });
    }
    // Not announced to other nodes, and yet the framework runs it for whoever asks.
    const forged = stranger.ContextFactory.create(stranger);
    Object.assign(forged, { action: { name: 'scorer.hidden' }, nodeID: 'callee', params: {} });
    await assert.rejects(stranger.transit!.request(forged), { type: 'UNAUTHENTICATED' });
  });

  it('believes nobody who uses the name of a node, and outlives it', async () => {
    const liar = await bus.stranger('liar');
    await knows(liar, 'scorer.train', 'callee');
    const before = [await refusals(callee, 'none'), await refusals(callee, 'node'), await refusals(gateway, 'node')];
    // Now all of its packets say that this node has sent them.
    Object.assign(liar.transit!.tx, { nodeID: 'callee' });
    await assert.rejects(liar.call('scorer.train', {}, { timeout: 200 }), { type: 'REQUEST_TIMEOUT' });
    await liar.transit!.discoverer.sendLocalNodeInfo();
    await liar.transit!.sendDisconnectPacket();
    Object.assign(liar.transit!.tx, { nodeID: 'liar' });
    await until('the refusals', async () => {
      const now = [await refusals(callee, 'none'), await refusals(callee, 'node'), await refusals(gateway, 'node')];
      return now[0]! > before[0]! && now[1]! > before[1]! && now[2]! >= before[2]! + 2;
    });
    assert.equal((await gateway.broker.call<Seen, object>('scorer.train', {})).caller.name, 'gateway');
    // Other strangers had to believe it.
    await callee.broker.transit!.discoverer.sendLocalNodeInfo();
    await knows(stranger, 'scorer.explain', 'callee');
  });

  it('sends nothing to a service that only has our name', async () => {
    const fake = (ctx: Context) => ({ caller: { name: 'a fake' }, params: ctx.params });
    const impostor = await bus.stranger('impostor', [
      { name: 'scorer', actions: { explain: fake } },
      { name: 'other', actions: { explain: { name: 'scorer.explain', handler: fake }, real: fake } },
    ]);
    await knows(gateway.broker, 'other.real', 'impostor');
    const names = await Promise.all([1, 2, 3, 4].map(() => gateway.broker.call<Seen, object>('scorer.explain', {})));
    assert.deepEqual([...new Set(names.map(({ caller }) => caller.name))], ['gateway']);
    await impostor.stop();
  });

  it('tells the log of a process with another secret, which gets no calls', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
    await bus.member('watcher', [], { logger });
    const service = { name: 'scorer', actions: { explain: see } };
    const mistaken = await bus.member('mistaken', [service], { secret: randomBytes(32) });
    await until('a line', () => lines.some((line) => line.includes('CLUSTER_SECRET') && line.includes('mistaken')));
    await mistaken.broker.stop();
    await until('it to be gone', () => !stranger.registry.nodes.get('mistaken').available);
  });

  it('refuses tickets of another action, node, secret or time', async () => {
    assert.equal((await knock('scorer.train', { headers: { ticket: ticket({}) } })).caller.name, 'x');
    for (const bad of [
      ticket({ action: 'scorer.explain' }),
      ticket({ node: 'gateway' }),
      ticket({}, randomBytes(32)),
      ticket({}, bus.secret, 100),
    ]) {
      await assert.rejects(knock('scorer.train', { headers: { ticket: bad } }), { type: 'UNAUTHENTICATED' });
    }
  });

  it('lets a key call public actions for its own tenant', async () => {
    const meta = { apiKey: 'rsk_ours' };
    const seen = await knock('scorer.explain', { meta }, { device: 'pump-7', by: 'somebody else' });
    assert.deepEqual(seen.caller, { kind: 'key', name: 'ann', tenant: 'default', role: 'admin' });
    assert.deepEqual(seen.params, { device: 'pump-7', tenant: 'default', by: 'ann' });
    assert.deepEqual(seen.meta, {}, 'the key stays where it was checked');
    assert.equal((await knock('scorer.explain', { meta }, { tenant: 'default' })).caller.name, 'ann');
  });

  it('refuses keys of others, unknown keys, and actions that are not public', async () => {
    const key = (apiKey: unknown) => ({ meta: { apiKey } });
    await assert.rejects(knock('scorer.explain', key('rsk_other'), { tenant: 'default' }), { type: 'FORBIDDEN' });
    await assert.rejects(knock('scorer.explain', key('rsk_nobody')), { type: 'UNAUTHENTICATED' });
    await assert.rejects(knock('scorer.explain', key({})), { type: 'UNAUTHENTICATED' });
    await assert.rejects(knock('scorer.train', key('rsk_ours')), { type: 'FORBIDDEN' });
  });

  it('gives a stranger none of the tickets that its call needed', async () => {
    const meta = { apiKey: 'rsk_ours' };
    const seen = await knock('door.forKey', { meta });
    assert.deepEqual(seen.caller, { kind: 'service', name: 'ann', tenant: 'default', role: 'admin' });
    assert.deepEqual(meta, { apiKey: 'rsk_ours' });
  });

  it('takes events of members alone', async () => {
    await until(
      'everybody to listen',
      () => gateway.broker.registry.events.getAllEndpoints('score.computed').length === 2,
    );
    await stranger.broadcast('score.computed', 'false');
    await gateway.broker.broadcast('score.computed', 'true');
    await callee.broker.broadcast('score.computed', 'own');
    await until('two events', () => events.length >= 2);
    assert.deepEqual(events.toSorted(), ['own', 'true']);
    assert.equal((await callee.metrics.refusedEvents.get()).values[0]?.value, 1);
  });

  it('does not believe a ticket of one event for another', async () => {
    await until('a ticket to be heard', () => heard.length > 0);
    const { ticket } = heard.at(-1)!;
    const refused = async () => (await callee.metrics.refusedEvents.get()).values[0]?.value ?? 0;
    const before = await refused();
    await stranger.broadcast('score.computed', 'replayed', {
      headers: { ticket: String(ticket).replace('1.', '1.A') },
    });
    await until('the refusal', async () => (await refused()) > before);
    assert.ok(!events.includes('replayed'));
  });

  it('tells the log who was refused what, once a minute and not each time', async () => {
    const lines: Record<string, unknown>[] = [];
    const quiet = await bus.member('quiet', [{ name: 'model-registry', actions: { list: see } }], {
      logger: pino({}, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) }),
    });
    await knows(stranger, 'model-registry.list', 'quiet');
    for (let i = 0; i < 3; i++) await assert.rejects(stranger.call('model-registry.list', {}), /send an API key/);
    const told = lines.filter(({ msg }) => msg === 'a call was refused');
    assert.deepEqual(
      told.map(({ reason, action, node, times }) => ({ reason, action, node, times })),
      [{ reason: 'none', action: 'model-registry.list', node: 'stranger', times: 1 }],
    );
    await quiet.broker.stop();
  });

  it('gives every call from afar a time limit', async () => {
    const options = { meta: { apiKey: 'rsk_ours' }, timeout: 0 };
    assert.equal(await stranger.call('scorer.limit', {}, options), 10_000);
  });
});

async function refusals(member: Member, reason: string): Promise<number> {
  const { values } = await member.metrics.refusedCalls.get();
  return values.find(({ labels }) => labels.reason === reason)?.value ?? 0;
}
