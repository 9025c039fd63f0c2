/** Other teams' door, on a whole cluster with a user for each role: one process a service, each with the rights of its role alone. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ServiceBroker, type BrokerOptions } from 'moleculer';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { busMetrics } from '../../mixins/bus/bus-metrics.js';
import { busOptions } from '../../mixins/bus/bus.js';
import { systemClock } from '../../mixins/clock.js';
import { SERVICE_NAMES } from '../../models/settings.js';
import type { BusError } from '../../services/bus-types.js';
import { Cluster } from '../support/cluster.js';
import { needsNatsServer } from '../support/nats-server.js';
import { urlOfUser } from '../support/nats-users.js';
import { needsRedis } from '../support/redis-server.js';
import { sampleAlert } from '../support/sample-records.js';
import { until } from '../support/until.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/foreign-service/pump-watch.js', import.meta.url));
const SECRET = 'a secret that all processes of this cluster have been given';
const DEVICE = 'pump-7';

describe("other teams' services", function () {
  this.timeout(180_000);
  let cluster: Cluster;
  let apiKey: string;
  const brokers: ServiceBroker[] = [];

  before(function () {
    needsNatsServer(this);
  });
  needsRedis(this);
  before(async () => {
    cluster = await Cluster.start({
      parts: SERVICE_NAMES.map((service) => ({ name: service, services: [service] })),
      hasNatsUsers: true,
      env: { AUTH: 'on', CLUSTER_SECRET: SECRET },
    });
    const key = await until('the admin key', () => /rsk_[A-Za-z0-9_-]{43}/.exec(cluster.part('gateway').output)?.[0]);
    apiKey = key;
  });
  afterEach(function () {
    if (this.currentTest?.isFailed() === true) console.log(cluster.report());
  });
  after(async () => {
    await Promise.all(brokers.map((broker) => broker.stop()));
    await cluster.stop();
  });

  async function broker(user: string, options: BrokerOptions = {}): Promise<ServiceBroker> {
    const started = new ServiceBroker({
      namespace: 'redshank',
      nodeID: `${user}.test-${brokers.length}`,
      transporter: { type: 'NATS', options: { url: urlOfUser(cluster.nats, user) } },
      requestTimeout: 10_000,
      heartbeatInterval: 2,
      logger: false,
      internalServices: false,
      skipProcessEventRegistration: true,
      ...options,
    });
    brokers.push(started);
    await started.start();
    await started.waitForServices([...SERVICE_NAMES], 30_000);
    return started;
  }

  /** What a process of the cluster is: it has the user of a role, and the secret. */
  const member = (user: string): Promise<ServiceBroker> =>
    broker(
      user,
      busOptions({
        secret: Buffer.from(SECRET),
        process: user,
        ownServices: SERVICE_NAMES,
        findKey: () => Promise.resolve(undefined),
        defaultTimeoutMs: 10_000,
        clock: systemClock,
        metrics: busMetrics(new Registry()),
        logger: pino({ level: 'silent' }),
      }),
    );

  /** Runs the example until it has nothing more to do. */
  async function runExample(env: Readonly<Record<string, string>>): Promise<string> {
    const child: ChildProcess = spawn(process.execPath, [EXAMPLE], {
      env: { PATH: process.env.PATH!, NATS_URL: urlOfUser(cluster.nats, 'guest'), DEVICE, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = once(child, 'exit');
    let output = '';
    const keep = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout!.on('data', keep);
    child.stderr!.on('data', keep);
    try {
      await until(
        'the example to be done',
        () => {
          if (child.exitCode !== null) throw new Error(`the example ended with ${child.exitCode}:\n${output}`);
          return output.includes('done\n') && output.includes('heard of');
        },
        90_000,
      ).catch((error: unknown) => {
        throw new Error(`the example does not get on:\n${output}`, { cause: error });
      });
      return output;
    } finally {
      child.kill('SIGTERM');
      await exited;
    }
  }

  const failure = (call: Promise<unknown>): Promise<BusError> =>
    call.then(
      (answer) => assert.fail(`it was answered ${JSON.stringify(answer)}`),
      (error: unknown) => error as BusError,
    );

  it('push, wait for scores, explain, hear of the alert, acknowledge it', async () => {
    const output = await runExample({ REDSHANK_API_KEY: apiKey });
    assert.match(output, /^accepted 400$/m);
    assert.match(output, /^scored 4\d\d, strange [1-9]\d*$/m);
    assert.match(output, /^because temp is 9\d/m);
    assert.match(output, /^window of pump-7: temp, vib$/m);
    assert.match(output, /^alert \w+ on pump-7: temp is 9\d/m);
    assert.match(output, /^acknowledged by admin$/m);
  });

  it('every role did its work with the rights of its own user', () => {
    // Of several that write down the number of partitions at the first start, the later ones would tidy up after the first.
    const refused = [...cluster.nats.output.matchAll(/Violation - User.*/g)].flat();
    assert.deepEqual(
      refused.filter((line) => !line.includes('STREAM.PURGE.OBJ_redshank-blobs')),
      [],
    );
  });

  it('a key that nobody has reaches nothing', async () => {
    const guest = await broker('guest');
    const ask = (meta: object) => guest.call('scorer.explain', { device: DEVICE }, { meta });
    assert.ok(await ask({ apiKey }));
    assert.equal((await failure(ask({ apiKey: `rsk_${'A'.repeat(43)}` }))).type, 'UNAUTHENTICATED');
    assert.equal((await failure(ask({}))).type, 'UNAUTHENTICATED');
    const elsewhere = guest.call('scorer.explain', { device: DEVICE, tenant: 'other' }, { meta: { apiKey } });
    assert.equal((await failure(elsewhere)).type, 'FORBIDDEN');
  });

  it('what is between processes is not for guests, nor for a role without the secret', async () => {
    const [ours, guest, thief] = await Promise.all([member('gateway'), broker('guest'), broker('gateway')]);
    const models = await ours.call<{ name: string; aliases: { champion: string } }[], object>(
      'model-registry.list',
      {},
    );
    const [{ name, aliases }] = models as [(typeof models)[number]];
    const internal: readonly (readonly [string, object])[] = [
      ['ingest.command', { tenant: 'default', device: DEVICE, command: { type: 'none' } }],
      ['ingest.broadcast', { command: { type: 'none' } }],
      ['window.giveUp', { partition: 0, to: 'nobody.there' }],
      ['window.partitions', {}],
      ['model-registry.promote', { name, version: aliases.champion, by: 'test' }],
    ];
    for (const [action, params] of internal) {
      await ours.call(action, params);
      assert.equal((await failure(guest.call(action, params, { meta: { apiKey } }))).type, 'FORBIDDEN', action);
      assert.equal((await failure(guest.call(action, params))).type, 'UNAUTHENTICATED', action);
      assert.equal((await failure(thief.call(action, params))).type, 'UNAUTHENTICATED', action);
    }
    const badBatch = { tenant: 'default', batch: 'no batch' };
    assert.notEqual((await failure(ours.call('ingest.append', badBatch))).type, 'UNAUTHENTICATED');
    assert.equal((await failure(guest.call('ingest.append', badBatch, { meta: { apiKey } }))).type, 'FORBIDDEN');
  });

  it('a guest is told of public actions only what docs/bus.md tells', async () => {
    const guest = await broker('guest');
    const known = guest.registry.getActionList({ onlyAvailable: true }) as {
      name: string;
      action?: { publicFor?: string };
    }[];
    const open = known.filter(({ action }) => action?.publicFor !== undefined).map(({ name }) => name);
    const text = await import('node:fs').then(({ readFileSync }) =>
      readFileSync(new URL('../../docs/bus.md', import.meta.url), 'utf8'),
    );
    const documented = [...text.matchAll(/^\| `([a-z-]+\.[a-z]+)` \| .*\| \d+ s \|/gm)].map(([, action]) => action!);
    assert.deepEqual(open.sort(), documented.sort());
  });

  it('events of alerts are believed with a ticket alone', async () => {
    const [ours, thief] = await Promise.all([member('alerting'), broker('alerting')]);
    const stop = new AbortController();
    const response = await fetch(`${cluster.url}/v1/events`, {
      headers: { Authorization: `Bearer ${apiKey}` },
      signal: stop.signal,
    });
    let heard = '';
    const listening = (async () => {
      for await (const chunk of response.body!) heard += Buffer.from(chunk as Uint8Array).toString();
    })().catch(() => undefined);
    await thief.broadcast('alert.raised', { alert: sampleAlert({ id: 'of-a-thief', device: DEVICE }) });
    const refused = /redshank_bus_refused_events_total [1-9]/;
    await until('the refusal', async () => refused.test(await cluster.part('gateway').metrics()));
    await ours.broadcast('alert.raised', { alert: sampleAlert({ id: 'of-a-member', device: DEVICE }) });
    await until('the event of a member', () => heard.includes('of-a-member'));
    assert.doesNotMatch(heard, /of-a-thief/);
    stop.abort();
    await listening;
  });

  it('scores are sent while a guest watches', async () => {
    const guest = await broker('guest');
    const heard: unknown[] = [];
    guest.createService({
      name: 'watcher',
      events: { 'score.computed': ({ params }: { params: unknown }) => void heard.push(params) },
    });
    await guest.waitForServices('scorer');
    const meta = { apiKey };
    let timeMs = Date.now();
    await until('a score', async () => {
      await guest.call('scorer.watch', {}, { meta });
      const readings = [{ device: 'pump-8', ts: timeMs++, values: { temp: 20 } }];
      await guest.call('ingest.push', { readings }, { meta });
      return heard.length > 0;
    });
  });

  it("a stranger's window is looked up at its owner", async () => {
    await cluster.add({ name: 'window-2', services: ['window'] });
    await cluster.part('window-2').ready();
    const guest = await broker('guest');
    const meta = { apiKey };
    const devices = Array.from({ length: 16 }, (_, i) => `fan-${i}`);
    const readings = devices.map((device) => ({ device, ts: Date.now(), values: { rpm: 900 } }));
    await guest.call('ingest.push', { readings }, { meta });
    for (const device of devices) {
      const view = await until(device, () =>
        guest.call<{ device: string }, object>('window.get', { device }, { meta }).catch((error: unknown) => {
          if ((error as BusError).type !== 'NOT_FOUND') throw error;
          return undefined;
        }),
      );
      assert.equal(view.device, device);
    }
  });
});
