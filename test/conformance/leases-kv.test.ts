import { setTimeout as sleep } from 'node:timers/promises';
import { KvLeases } from '../../storage/leases/kv-leases.js';
import { JetStreamApi } from '../../storage/nats/jetstream-api.js';
import { NatsConnection } from '../../storage/nats/nats-connection.js';
import { NatsServer, needsNatsServer } from '../support/nats-server.js';
import { natsSettings } from '../support/nats-settings.js';
import { until } from '../support/until.js';
import { describeLeases } from './leases.conformance.js';

const TTL_MS = 2_000;

describe('on a NATS server', () => {
  before(function () {
    needsNatsServer(this);
  });

  describeLeases('NATS key-value bucket', async () => {
    const server = await NatsServer.start();
    const open = async () => {
      const connection = await NatsConnection.connect(natsSettings(server.url));
      return { connection, leases: await KvLeases.open(connection, { namespace: 'test', replicas: 1, ttlMs: TTL_MS }) };
    };
    let { connection, leases } = await open();
    const close = async () => {
      await leases.close();
      await connection.close();
    };
    return {
      leases,
      pass: async (ms) => {
        // These leases live by the clock of the server, which looks for what is over once in a while.
        await sleep(ms);
        if (ms <= TTL_MS) return;
        const api = new JetStreamApi(connection);
        await until('the server to forget', async () => (await api.streamInfo('KV_test-leases')).state.messages === 0);
      },
      reopen: async () => {
        await close();
        await server.kill9();
        await server.restart();
        ({ connection, leases } = await open());
        return leases;
      },
      dispose: async () => {
        await close();
        await server.stop();
      },
    };
  });
});
