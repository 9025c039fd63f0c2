import assert from 'node:assert/strict';
import { StorageCorruptError } from '../../models/errors.js';
import { ObjectStoreBlobs } from '../../storage/blobs/object-store-blobs.js';
import { JetStreamApi } from '../../storage/nats/jetstream-api.js';
import { NatsConnection } from '../../storage/nats/nats-connection.js';
import { NatsServer, needsNatsServer } from '../support/nats-server.js';
import { natsSettings } from '../support/nats-settings.js';

const OPTIONS = { namespace: 'test', bucket: 'blobs', replicas: 1 } as const;
const STREAM = 'OBJ_test-blobs';
const nameSubject = (name: string) => `$O.test-blobs.M.${Buffer.from(name).toString('base64')}`;

describe('blobs and their NATS server', () => {
  let server: NatsServer;
  let connection: NatsConnection;
  let api: JetStreamApi;
  let blobs: ObjectStoreBlobs;

  before(function () {
    needsNatsServer(this);
  });
  beforeEach(async () => {
    server = await NatsServer.start();
    connection = await NatsConnection.connect(natsSettings(server.url));
    api = new JetStreamApi(connection);
    blobs = await ObjectStoreBlobs.open(connection, OPTIONS);
  });
  afterEach(async () => {
    await connection.close();
    await server.stop();
  });

  const subjects = async () => Object.keys((await api.streamInfo(STREAM, '>')).state.subjects ?? {});

  for (const size of [1_000, 300_000]) {
    it(`are whole for whoever reads while ${size} bytes are replaced`, async () => {
      await blobs.put('a', new Uint8Array(size));
      let isOver = false;
      let reads = 0;
      const read = async () => {
        while (!isOver) {
          const bytes = await blobs.get('a');
          assert.equal(bytes?.length, size);
          assert.deepEqual(bytes, new Uint8Array(size).fill(bytes[0]!));
          reads++;
        }
      };
      const reading = Promise.all([read(), read()]);
      for (let i = 1; i <= 50; i++) await blobs.put('a', new Uint8Array(size).fill(i));
      isOver = true;
      await reading;
      assert.ok(reads > 1);
    });
  }

  it('leave nothing behind when they are replaced by several at once, and deleted', async () => {
    await Promise.all([1, 2, 3].map((i) => blobs.put('a', new Uint8Array(300_000).fill(i))));
    assert.equal((await subjects()).length, 2);
    await blobs.delete('a');
    assert.deepEqual(await subjects(), []);
  });

  it('tell of bytes that are not what was written', async () => {
    for (const [name, size] of [
      ['small', 10],
      ['large', 300_000],
    ] as const) {
      await blobs.put(name, new Uint8Array(size));
      const meta = await api.message(STREAM, { lastOf: nameSubject(name) });
      const { nuid } = JSON.parse(Buffer.from(meta!.payload).toString()) as { nuid: string };
      const chunks = `$O.test-blobs.C.${nuid}`;
      await api.purge(STREAM, { subject: chunks });
      for (let left = size; left > 0; left -= 131_072) {
        await api.publish(chunks, new Uint8Array(Math.min(left, 131_072)).fill(1));
      }
      await assert.rejects(blobs.get(name), StorageCorruptError);
      await api.purge(STREAM, { subject: chunks });
      await assert.rejects(blobs.get(name), StorageCorruptError);
    }
  });

  it('tell of an entry that is not what was written', async () => {
    await api.publish(nameSubject('a'), '{"size":-1}');
    await assert.rejects(blobs.get('a'), StorageCorruptError);
  });

  it('of a process that died half way are removed at a later start, those on their way stay', async () => {
    await blobs.put('a', new Uint8Array(10));
    await api.publish('$O.test-blobs.C.unfinished', new Uint8Array(10));
    await ObjectStoreBlobs.open(connection, OPTIONS);
    assert.equal((await subjects()).length, 3);
    await ObjectStoreBlobs.open(connection, { ...OPTIONS, orphanAgeMs: -1 });
    assert.equal((await subjects()).length, 2);
    assert.deepEqual(await blobs.get('a'), new Uint8Array(10));
  });
});
