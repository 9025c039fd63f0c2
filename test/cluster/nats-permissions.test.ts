import assert from 'node:assert/strict';
import { permissionsOf } from '../../k8s/nats/permissions.js';
import { TOPICS, type Topic } from '../../models/stages/stage.js';
import { openNatsStorage } from '../../storage/nats/nats-storage.js';
import { fixPartitions } from '../../storage/partition-count.js';
import { inboxPrefixOf } from '../../models/settings.js';
import { needsNatsServer, NatsServer } from '../support/nats-server.js';
import { natsSettings } from '../support/nats-settings.js';
import { natsUsers, NatsUser, urlOfUser } from '../support/nats-users.js';
import { until } from '../support/until.js';

const PARTITIONS = 2;
const OPTIONS = { partitions: PARTITIONS, guests: ['guest', 'billing'], sensors: ['sensor', 'boiler'] };
const ROLES = ['alerting', 'gateway', 'ingest', 'model-registry', 'node', 'scorer', 'window'] as const;
const USERS = [...permissionsOf(OPTIONS).keys()];
const OUTSIDERS = ['guest', 'billing', 'sensor', 'boiler'];

/** Written down here once more: who may append, trim and read, beside the operator, who may do all of it. */
const WRITERS: Readonly<Record<Topic, readonly string[]>> = {
  readings: ['ingest', 'node', 'window'],
  frames: ['node', 'window'],
  scores: ['node', 'scorer'],
  alerts: ['alerting', 'node'],
  registry: ['model-registry', 'node'],
  secrets: [],
  keys: ['gateway', 'node'],
  audit: ['gateway', 'node'],
  silences: ['gateway', 'node'],
};
const TRIMMERS: Readonly<Record<Topic, readonly string[]>> = {
  readings: ['node', 'window'],
  frames: ['node', 'scorer'],
  scores: ['alerting', 'node'],
  alerts: ['alerting', 'node'],
  registry: [],
  secrets: [],
  keys: [],
  audit: ['gateway', 'node'],
  silences: [],
};
const READERS: Readonly<Record<Topic, readonly string[]>> = {
  readings: ['node', 'window'],
  frames: ['ingest', 'node', 'scorer', 'window'],
  scores: ['alerting', 'gateway', 'ingest', 'model-registry', 'node', 'scorer'],
  alerts: ['alerting', 'ingest', 'node'],
  registry: ['model-registry', 'node'],
  secrets: [],
  keys: [...ROLES],
  audit: ['gateway', 'node'],
  silences: ['gateway', 'node'],
};

describe('users of NATS', function () {
  this.timeout(60_000);
  let server: NatsServer;
  const users = new Map<string, NatsUser>();
  const as = (user: string): NatsUser => users.get(user)!;

  /** Names of the users, the operator aside, for whom `may` holds. */
  async function allowed(may: (user: NatsUser, name: string) => Promise<boolean>): Promise<string[]> {
    const names: string[] = [];
    for (const name of USERS) if (name !== 'operator' && (await may(as(name), name))) names.push(name);
    return names.sort();
  }

  const isAnswered = async (answer: Promise<Readonly<Record<string, unknown>> | undefined>): Promise<boolean> =>
    (await answer) !== undefined;

  async function recordsOf(stream: string): Promise<number> {
    const answer = await as('operator').ask(`$JS.API.STREAM.INFO.${stream}`);
    return (answer?.['state'] as { messages: number }).messages;
  }

  before(async function () {
    needsNatsServer(this);
    server = await NatsServer.start({ config: natsUsers(OPTIONS) });
    await openAs('node').then((storage) => storage.close());
    for (const user of USERS) users.set(user, await NatsUser.connect(server, user));
  });

  after(async () => {
    await Promise.all([...users.values()].map(({ connection }) => connection.close()));
    await server.stop();
  });

  async function openAs(role: string, at = server) {
    const settings = { ...natsSettings(urlOfUser(at, role)), namespace: 'redshank', partitions: PARTITIONS };
    const storage = await openNatsStorage(
      { ...settings, natsReplicas: undefined },
      { inboxPrefix: inboxPrefixOf(role), connectWithinMs: 5_000 },
    );
    await fixPartitions(storage.blobs, PARTITIONS);
    return storage;
  }

  for (const role of ROLES) {
    it(`${role} may be the first to start a cluster, and start again`, async () => {
      const fresh = await NatsServer.start({ config: natsUsers(OPTIONS) });
      try {
        for (const storage of [await openAs(role, fresh), await openAs(role, fresh)]) await storage.close();
        assert.doesNotMatch(fresh.output, /Violation/);
      } finally {
        await fresh.stop();
      }
    });
  }

  it('nobody comes in without a password', async () => {
    const settings = { ...natsSettings(server.url), namespace: 'redshank', partitions: 2, natsReplicas: undefined };
    await assert.rejects(openNatsStorage(settings, { connectWithinMs: 2_000 }), /does not let this user in/);
  });

  it('a process with the user of another role is told so', async () => {
    const settings = { ...natsSettings(urlOfUser(server, 'scorer')), namespace: 'redshank', partitions: 2 };
    const opened = openNatsStorage({ ...settings, natsReplicas: undefined }, { inboxPrefix: inboxPrefixOf('window') });
    await assert.rejects(opened, /refuses the inbox of this process/);
  });

  describe('the log', () => {
    for (const topic of TOPICS) {
      it(`${topic} is written by ${WRITERS[topic].join(', ') || 'nobody'}`, async () => {
        const before = await recordsOf(`redshank-${topic}-0`);
        const writers = await allowed((user) => isAnswered(user.ask(`redshank.${topic}.0`, 'a record')));
        assert.deepEqual(writers, WRITERS[topic]);
        assert.equal(await recordsOf(`redshank-${topic}-0`), before + writers.length);
        assert.ok(await as('operator').ask(`redshank.${topic}.0`, 'a record'));
      });

      it(`${topic} is read by ${READERS[topic].join(', ') || 'nobody'}`, async () => {
        await as('operator').ask(`redshank.${topic}.0`, 'a record');
        const stream = `redshank-${topic}-0`;
        assert.deepEqual(
          await allowed((user) => isAnswered(user.ask(`$JS.API.STREAM.MSG.GET.${stream}`, { seq: 1 }))),
          READERS[topic],
        );
        const config = { ack_policy: 'none', deliver_policy: 'all', mem_storage: true };
        assert.deepEqual(
          await allowed((user, name) =>
            isAnswered(
              user.ask(`$JS.API.CONSUMER.CREATE.${stream}.r${name}`, {
                stream_name: stream,
                config: { ...config, name: `r${name}` },
              }),
            ),
          ),
          READERS[topic],
        );
        const directly = await allowed((user) => user.maySay(`$JS.API.DIRECT.GET.${stream}`, '{"seq":1}'));
        assert.deepEqual(directly, []);
      });

      it(`${topic} is trimmed by ${TRIMMERS[topic].join(', ') || 'nobody'}`, async () => {
        const purge = (user: NatsUser) => isAnswered(user.ask(`$JS.API.STREAM.PURGE.redshank-${topic}-0`, { seq: 1 }));
        assert.deepEqual(await allowed(purge), TRIMMERS[topic]);
        assert.ok(await purge(as('operator')));
      });
    }

    it('streams are changed and removed by the operator alone', async () => {
      const name = 'redshank-extra';
      const config = { name, subjects: ['redshank.extra'] };
      assert.ok(await as('operator').ask(`$JS.API.STREAM.CREATE.${name}`, config));
      for (const change of ['UPDATE', 'MSG.DELETE', 'SNAPSHOT', 'RESTORE', 'DELETE']) {
        for (const stream of [name, 'redshank-readings-0']) {
          const subject = `$JS.API.STREAM.${change}.${stream}`;
          assert.deepEqual(await allowed((user) => user.maySay(subject, '{}')), [], subject);
        }
      }
      assert.ok(await as('operator').ask(`$JS.API.STREAM.DELETE.${name}`));
    });

    it('nobody listens to the bus with a stream of his own', async () => {
      const spy = { name: 'spy', subjects: ['MOL-redshank.>'] };
      assert.deepEqual(await allowed((user) => user.maySay('$JS.API.STREAM.CREATE.spy', JSON.stringify(spy))), []);
      // Of the names that may be created all are there; such a stream is not changed by that.
      const again = { ...spy, name: 'redshank-readings-0' };
      const answer = await as('window').ask('$JS.API.STREAM.CREATE.redshank-readings-0', again);
      assert.equal((answer?.['error'] as { err_code: number }).err_code, 10058);
    });
  });

  describe('leases and blobs', () => {
    for (const stage of ['window', 'scorer', 'alerting'] as const) {
      it(`a lease of ${stage} is taken by ${stage} alone, and given back by nobody else`, async () => {
        const storage = await openAs(stage);
        const lease = await storage.leases.acquire({ stage, partition: 1 }, `${stage}.host-1`);
        assert.ok(lease);
        const key = `$KV.redshank-leases.${stage}.1`;
        const others = (user: NatsUser, name: string) => (name === stage ? Promise.resolve(true) : user.maySay(key));
        assert.deepEqual(await allowed(others), [stage, 'node'].sort());
        await storage.close();
      });
    }

    it('an outsider cannot take or give back the lease of a live owner', async () => {
      const storage = await openAs('window');
      const { leases } = storage;
      const lease = await leases.acquire({ stage: 'window', partition: 0 }, 'window.host-1');
      assert.ok(lease && (await leases.renew(lease)));
      for (const user of [...OUTSIDERS, 'scorer', 'gateway']) {
        assert.equal(await as(user).maySay('$KV.redshank-leases.window.0', '{"holder":"me","token":"x"}'), false, user);
      }
      assert.equal(await leases.holder({ stage: 'window', partition: 0 }), 'window.host-1');
      assert.ok(await leases.renew(lease));
      await storage.close();
    });

    it('snapshots are written by those that run stages', async () => {
      const name = `$O.redshank-blobs.M.${Buffer.from('snapshots/window/0').toString('base64')}`;
      assert.deepEqual(await allowed((user) => user.maySay(name, '{}')), ['alerting', 'node', 'scorer', 'window']);
    });
  });

  describe('the bus', () => {
    it('calls go only where the table says', async () => {
      const callersOf = (who: string) => allowed((user) => user.maySay(`MOL-redshank.REQ.${who}.host-1`, '{}'));
      assert.deepEqual(await callersOf('ingest'), [
        'alerting',
        'billing',
        'gateway',
        'guest',
        'model-registry',
        'node',
      ]);
      assert.deepEqual(await callersOf('scorer'), ['billing', 'gateway', 'guest', 'node', 'scorer']);
      assert.deepEqual(await callersOf('gateway'), []);
      assert.deepEqual(await callersOf('guest'), []);
    });

    it('answers go only to those who may call', async () => {
      const answerersOf = (who: string) => allowed((user) => user.maySay(`MOL-redshank.RES.${who}.host-1`, '{}'));
      assert.deepEqual(await answerersOf('model-registry'), ['ingest', 'node']);
      assert.deepEqual(await answerersOf('window'), ['node', 'window']);
      const servers = ['alerting', 'ingest', 'model-registry', 'node', 'scorer', 'window'];
      assert.deepEqual(await answerersOf('gateway'), servers);
      assert.deepEqual(await answerersOf('guest'), servers);
    });

    it('clocks are asked for by those that show the cluster', async () => {
      const measurers = (who: string) => allowed((user) => user.maySay(`MOL-redshank.PING.${who}.host-1`, '{}'));
      assert.deepEqual(await measurers('scorer'), ['gateway', 'node']);
      assert.deepEqual(await measurers('guest'), []);
      assert.deepEqual(await allowed((user) => user.maySay('MOL-redshank.PING', '{}')), []);
      const answerers = await allowed((user) => user.maySay('MOL-redshank.PONG.gateway.host-1', '{}'));
      assert.deepEqual(answerers, [...ROLES]);
    });

    it('events of alerts come from those that run alerting', async () => {
      const tellersOf = (who: string) => allowed((user) => user.maySay(`MOL-redshank.EVENT.${who}.host-1`, '{}'));
      assert.deepEqual(await tellersOf('gateway'), ['alerting', 'node', 'scorer']);
      assert.deepEqual(await tellersOf('guest'), ['alerting', 'node', 'scorer', 'window']);
      assert.deepEqual(await tellersOf('model-registry'), []);
    });

    it('nobody is sent what is meant for another', async () => {
      for (const packet of ['REQ', 'RES', 'EVENT', 'INFO']) {
        for (const who of ['scorer', 'guest']) {
          const subject = `MOL-redshank.${packet}.${who}.host-1`;
          assert.deepEqual(await allowed((user) => user.mayHear(subject)), [who], subject);
        }
      }
      for (const all of [
        '>',
        'MOL-redshank.>',
        'redshank.>',
        '$KV.>',
        '$O.>',
        '$JS.>',
        '_INBOX.>',
        '_INBOX_window.>',
      ]) {
        const expected = all === '_INBOX_window.>' ? ['window'] : [];
        assert.deepEqual(await allowed((user) => user.mayHear(all)), expected, all);
      }
    });
  });

  describe('a device', () => {
    it('publishes its own telemetry, and hears nothing', async () => {
      assert.deepEqual(await allowed((user) => user.maySay('iot.default.boiler.telemetry', '1')), ['boiler']);
      assert.deepEqual(await allowed((user) => user.mayHear('iot.default.boiler.telemetry')), []);
      assert.equal(await as('boiler').mayHear('anything.else'), false);
    });
  });

  describe('answers that go astray', () => {
    // nats-server lets everybody name any subject as the one for the answer, and sends it there with its own rights.
    const VICTIM = 'redshank.registry.0';

    it('no outsider has a subject to which the server answers', async () => {
      const before = await recordsOf('redshank-registry-0');
      for (const outsider of OUTSIDERS) {
        for (const pattern of permissionsOf(OPTIONS).get(outsider)!.publish) {
          assert.ok(await as(outsider).maySay(pattern.replaceAll('*', 'x'), '{}', VICTIM), pattern);
        }
      }
      assert.equal(await recordsOf('redshank-registry-0'), before);
    });

    it('a service has: its credential can damage every topic, as docs/security.md says', async () => {
      const before = await recordsOf('redshank-registry-0');
      assert.equal(await as('scorer').maySay(VICTIM), false);
      await as('scorer').maySay('redshank.scores.0', 'a record', VICTIM);
      // What was said is not stored yet when it has been sent.
      await until('one record more', async () => (await recordsOf('redshank-registry-0')) === before + 1);
    });
  });

  it('what cannot be part of a subject is refused', () => {
    for (const name of ['', 'a.b', '*', '>', 'a b', 'GUEST', '-']) {
      assert.throws(() => permissionsOf({ guests: [name] }), RangeError, name);
      assert.throws(() => permissionsOf({ sensors: [name] }), RangeError, name);
    }
    assert.throws(() => permissionsOf({ guests: ['gateway'] }), /gateway twice/);
    assert.throws(() => permissionsOf({ namespace: 'a.b' }), RangeError);
    assert.throws(() => permissionsOf({ partitions: 0 }), RangeError);
  });
});
