import { JetStreamJournal } from '../../storage/journal/jetstream-journal.js';
import { NatsConnection } from '../../storage/nats/nats-connection.js';
import { natsSettings } from '../support/nats-settings.js';
import { NatsServer, needsNatsServer } from '../support/nats-server.js';
import { describeJournal } from './journal.conformance.js';

describe('on a NATS server', () => {
  before(function () {
    needsNatsServer(this);
  });

  describeJournal('JetStream', async () => {
    const server = await NatsServer.start();
    const open = async () => {
      const connection = await NatsConnection.connect(natsSettings(server.url));
      return {
        connection,
        journal: await JetStreamJournal.open(connection, { namespace: 'test', partitions: 5, replicas: 1 }),
      };
    };
    let { connection, journal } = await open();
    const close = async () => {
      await journal.close();
      await connection.close();
    };
    return {
      journal,
      reopen: async () => {
        await close();
        await server.kill9();
        await server.restart();
        ({ connection, journal } = await open());
        return journal;
      },
      dispose: async () => {
        await close();
        await server.stop();
      },
    };
  });
});
