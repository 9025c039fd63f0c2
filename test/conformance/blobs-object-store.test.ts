import { ObjectStoreBlobs } from '../../storage/blobs/object-store-blobs.js';
import { NatsConnection } from '../../storage/nats/nats-connection.js';
import { NatsServer, needsNatsServer } from '../support/nats-server.js';
import { natsSettings } from '../support/nats-settings.js';
import { describeBlobs } from './blobs.conformance.js';

describe('on a NATS server', () => {
  before(function () {
    needsNatsServer(this);
  });

  describeBlobs('NATS object store', async () => {
    const server = await NatsServer.start();
    const open = async () => {
      const connection = await NatsConnection.connect(natsSettings(server.url));
      return {
        connection,
        blobs: await ObjectStoreBlobs.open(connection, { namespace: 'test', bucket: 'blobs', replicas: 1 }),
      };
    };
    let { connection, blobs } = await open();
    return {
      blobs,
      reopen: async () => {
        await connection.close();
        await server.kill9();
        await server.restart();
        ({ connection, blobs } = await open());
        return blobs;
      },
      dispose: async () => {
        await connection.close();
        await server.stop();
      },
    };
  });
});
