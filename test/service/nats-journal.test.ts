import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SettingInvalidError, StorageCorruptError, StorageFailedError } from '../../models/errors.js';
import { finishStreams, prepareStreams, streamsOf } from '../../storage/backup/cluster-backup.js';
import { JetStreamJournal } from '../../storage/journal/jetstream-journal.js';
import type { JournalReader, JournalRecord } from '../../storage/journal/journal.js';
import { JetStreamApi } from '../../storage/nats/jetstream-api.js';
import { NatsConnection } from '../../storage/nats/nats-connection.js';
import { NatsServer, needsNatsServer } from '../support/nats-server.js';
import { natsSettings } from '../support/nats-settings.js';
import { until } from '../support/until.js';

const STREAM = { topic: 'readings', partition: 0 } as const;
const NAME = 'test-readings-0';
const OPTIONS = { namespace: 'test', partitions: 1, replicas: 1 };
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const texts = (records: readonly JournalRecord[]) => records.map(({ payload }) => Buffer.from(payload).toString());

describe('the JetStream journal and its server', function () {
  this.timeout(60_000);
  let server: NatsServer;
  let connection: NatsConnection;
  let journal: JetStreamJournal;

  before(function () {
    needsNatsServer(this);
  });
  beforeEach(async () => {
    server = await NatsServer.start();
    connection = await NatsConnection.connect(natsSettings(server.url));
    journal = await JetStreamJournal.open(connection, OPTIONS);
  });
  afterEach(async () => {
    await journal.close();
    await connection.close();
    await server.stop();
  });

  it('is not opened while it is being restored, or after that was broken off; namesakes are left alone', async () => {
    const api = new JetStreamApi(connection);
    const others = ['test-2-readings-0', 'KV_test-2-leases', 'test-readings-readings-0'];
    for (const name of others) await api.createStream({ name, subjects: [`x.${name}`] });
    await prepareStreams(api, 'test', false, streamsOf('test', 1), true);
    const left = (await api.allStreams()).map(({ config }) => config.name);
    assert.deepEqual(left.sort(), [...others, 'test-restoring'].sort());
    await assert.rejects(
      JetStreamJournal.open(connection, OPTIONS),
      /a restore of test is under way, or was broken off/,
    );
    await finishStreams(api, 'test');
    await (await JetStreamJournal.open(connection, OPTIONS)).close();
  });

  it('tells what it takes, and what it may take where the account has a limit', async () => {
    await journal.append(STREAM, new Uint8Array(100_000));
    const { usedBytes, freeBytes } = await journal.space();
    assert.ok(usedBytes > 100_000 && usedBytes < 200_000, String(usedBytes));
    assert.equal(freeBytes, undefined);
    const limited = await NatsServer.start({
      config: 'accounts { A { jetstream { max_file: 10MB }, users: [{ user: u, password: p }] } }\nno_auth_user: u',
    });
    try {
      const other = await NatsConnection.connect(natsSettings(limited.url));
      const own = await JetStreamJournal.open(other, OPTIONS);
      await own.append(STREAM, new Uint8Array(100_000));
      const space = await own.space();
      assert.equal(space.usedBytes + space.freeBytes!, 10 * 2 ** 20);
      await own.close();
      await other.close();
    } finally {
      await limited.stop();
    }
  });

  async function readAll(): Promise<string[]> {
    const reader = journal.read(STREAM, 1);
    const all: string[] = [];
    for (let records = await reader.next(500, 1e9, 0); records.length > 0; records = await reader.next(500, 1e9, 0)) {
      all.push(...texts(records));
    }
    reader.close();
    return all;
  }

  async function nextFrom(reader: JournalReader): Promise<readonly JournalRecord[]> {
    return until('a record', async () => {
      const records = await reader.next(10, 1e9, 500);
      return records.length > 0 && records;
    });
  }

  it('keeps all that was acknowledged, once and in order, while the server is killed again and again', async () => {
    const acknowledged: string[] = [];
    let isOver = false;
    const write = async () => {
      for (let i = 0; !isOver; i++) {
        const text = `record ${i}`;
        // As the partition writer does: the same name until it is known how it ended.
        while (!(await journal.append(STREAM, bytes(text), { messageId: text }).catch(() => undefined)))
          await sleep(50);
        acknowledged.push(text);
      }
    };
    const writing = write();
    for (let kill = 0; kill < 3; kill++) {
      const before = acknowledged.length;
      await until('some appends', () => acknowledged.length > before + 200);
      await server.kill9();
      await server.restart();
    }
    const before = acknowledged.length;
    await until('appends after the last kill', () => acknowledged.length > before + 10);
    isOver = true;
    await writing;
    assert.deepEqual(await readAll(), acknowledged);
  });

  it('goes on reading after the server was killed', async () => {
    const reader = journal.read(STREAM, 1);
    await journal.append(STREAM, bytes('before'));
    assert.deepEqual(texts(await nextFrom(reader)), ['before']);
    await server.kill9();
    await server.restart();
    await until('an append', () => journal.append(STREAM, bytes('after'), { messageId: 'after' }).catch(() => false));
    assert.deepEqual(texts(await nextFrom(reader)), ['after']);
    reader.close();
  });

  it('refuses appends at once while the line is down, and takes them again', async () => {
    await server.kill9();
    await until('the loss is noticed', () => !connection.isConnected);
    await sleep(1_000);
    const appended = journal.append(STREAM, bytes('lost'));
    const first = await Promise.race([appended.catch((error: unknown) => error), sleep(1_000)]);
    assert.ok(first instanceof StorageFailedError);
    await server.restart();
    await until('an append', () => journal.append(STREAM, bytes('a'), { messageId: 'a' }).catch(() => false));
    assert.deepEqual(await readAll(), ['a']);
  });

  it('ends every call while the server is paused, and doubles nothing when it wakes', async () => {
    await server.pause();
    const ends = await Promise.allSettled([
      journal.append(STREAM, bytes('a'), { messageId: 'a' }),
      journal.state(STREAM),
      journal.trim(STREAM, 1),
    ]);
    assert.deepEqual(
      ends.map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    );
    server.resume();
    await until('an append', () => journal.append(STREAM, bytes('a'), { messageId: 'a' }).catch(() => false));
    assert.deepEqual(await readAll(), ['a']);
  });

  it('notices that the end of the log is lost', async () => {
    await journal.append(STREAM, bytes('a'));
    const store = join(server.folder, 'store');
    await server.kill9();
    await cp(store, `${store}-old`, { recursive: true });
    await server.restart();
    await until('an append', () => journal.append(STREAM, bytes('b'), { messageId: 'b' }).catch(() => false));
    const reader = journal.read(STREAM, 1);
    await nextFrom(reader);
    await server.kill9();
    await rm(store, { recursive: true });
    await cp(`${store}-old`, store, { recursive: true });
    await server.restart();
    await until('the line stands', () => connection.isConnected);
    await assert.rejects(journal.append(STREAM, bytes('c')), StorageCorruptError);
    await assert.rejects(journal.state(STREAM), /ends at record 1, but record 2 was there/);
    await assert.rejects(nextFrom(reader), StorageCorruptError);
    assert.match(journal.failure ?? '', /end of the log is lost/);
  });

  it('notices that NATS has come back empty', async () => {
    await journal.append(STREAM, bytes('a'));
    await server.kill9();
    await rm(join(server.folder, 'store'), { recursive: true });
    await server.restart();
    await until('the line stands', () => connection.isConnected);
    await assert.rejects(
      journal.append(STREAM, bytes('b')),
      /is gone from NATS, and record 1 with it: restore the log/,
    );
    assert.match(journal.failure ?? '', /is gone from NATS/);
  });

  it('gets over a consumer that the server lost', async () => {
    const reader = journal.read(STREAM, 1);
    await reader.next(1, 1e9, 100);
    const name = await until('its consumer', async () => (await consumers())[0]);
    await new JetStreamApi(connection).deleteConsumer(NAME, name);
    await journal.append(STREAM, bytes('a'));
    assert.deepEqual(texts(await nextFrom(reader)), ['a']);
    reader.close();
  });

  it('keeps a trace context beside the record', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await journal.append(STREAM, bytes('a'), { traceparent });
    const reader = journal.read(STREAM, 1);
    assert.equal((await nextFrom(reader))[0]?.traceparent, traceparent);
    assert.equal((await journal.lastRecord(STREAM))?.traceparent, traceparent);
    reader.close();
  });

  it('leaves no consumer behind', async () => {
    const reader = journal.read(STREAM, 1);
    await reader.next(1, 1e9, 100);
    assert.equal((await consumers()).length, 1);
    reader.close();
    await until('it is gone', async () => (await consumers()).length === 0);
  });

  it('reads on behind a record that is larger than a pull', async () => {
    for (const size of [10, 3_000_000, 10, 2_000_000]) await journal.append(STREAM, new Uint8Array(size));
    const reader = journal.read(STREAM, 1);
    const sizes: number[] = [];
    while (sizes.length < 4) sizes.push(...(await nextFrom(reader)).map(({ payload }) => payload.length));
    assert.deepEqual(sizes, [10, 3_000_000, 10, 2_000_000]);
    reader.close();
  });

  it('says so when records are trimmed away before a slow reader', async () => {
    const reader = journal.read(STREAM, 1);
    await journal.append(STREAM, bytes('first'));
    await nextFrom(reader);
    // More than a reader takes in advance.
    const count = 40;
    for (let i = 0; i < count; i++) await journal.append(STREAM, new Uint8Array(200_000));
    await journal.trim(STREAM, count + 2);
    await assert.rejects(async () => {
      for (;;) await nextFrom(reader);
    }, /was trimmed away; the first one left is 42/);
  });

  it('refuses what no message can carry, before it is sent', async () => {
    await assert.rejects(
      journal.append(STREAM, new Uint8Array(8 * 2 ** 20)),
      (error) => error instanceof StorageFailedError && error.data['limitBytes'] === 8 * 2 ** 20,
    );
    assert.equal(connection.isConnected, true);
  });

  it('opens from several processes at once', async () => {
    // Many streams and several rounds: the server says now and then that a stream overlaps with itself.
    const lines = await Promise.all(Array.from({ length: 8 }, () => NatsConnection.connect(natsSettings(server.url))));
    for (let round = 0; round < 3; round++) {
      const options = { ...OPTIONS, partitions: 32, namespace: `fresh-${round}` };
      const journals = await Promise.all(lines.map((line) => JetStreamJournal.open(line, options)));
      await Promise.all(journals.map((opened) => opened.close()));
    }
    await Promise.all(lines.map((line) => line.close()));
  });

  it('refuses streams whose subjects are those of another', async () => {
    const api = new JetStreamApi(connection);
    await api.createStream({ name: 'other', subjects: ['taken.>'] });
    await assert.rejects(JetStreamJournal.open(connection, { ...OPTIONS, namespace: 'taken' }), /overlap/);
  });

  it('refuses a stream that forgets', async () => {
    const api = new JetStreamApi(connection);
    await api.createStream({ name: 'other-scores-0', subjects: ['other.scores.0'], max_age: 3_600e9, discard: 'old' });
    await assert.rejects(JetStreamJournal.open(connection, { ...OPTIONS, namespace: 'other' }), (error) => {
      assert.ok(error instanceof StorageCorruptError);
      assert.match(error.message, /other-scores-0 .* max_age must be 0, got 3600000000000/);
      assert.match(error.message, /discard must be "new", got "old"/);
      return true;
    });
  });

  it('refuses streams with fewer replicas than were demanded', async () => {
    await assert.rejects(
      JetStreamJournal.open(connection, { ...OPTIONS, replicas: 3, areReplicasDemanded: true }),
      SettingInvalidError,
    );
  });

  async function consumers(): Promise<readonly string[]> {
    const answer = await connection.request(`$JS.API.CONSUMER.NAMES.${NAME}`, '');
    return (JSON.parse(new TextDecoder().decode(answer.data)) as { consumers: string[] | null }).consumers ?? [];
  }

  it('is opened with one number of partitions, also by processes that start together', async () => {
    const namespace = 'fresh';
    const opened = await Promise.allSettled(
      [2, 3, 2, 3].map((partitions) => JetStreamJournal.open(connection, { namespace, partitions, replicas: 1 })),
    );
    const refused = opened.filter((one) => one.status === 'rejected');
    assert.equal(refused.length, 2);
    for (const { reason } of refused)
      assert.match(String(reason), /partitions must be \d, as when this log was created/);
    const streams = await new JetStreamApi(connection).streams(`${namespace}.>`);
    const most = Math.max(...streams.map(({ config }) => Number(config.name.split('-').at(-1))));
    const [accepted] = opened.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    assert.ok(accepted);
    assert.throws(() => accepted.nameOf({ topic: 'readings', partition: most + 1 }), RangeError);
  });

  it('is created by many processes that start together', async () => {
    for (const namespace of ['one', 'two', 'three', 'four']) {
      const connections = await Promise.all(
        Array.from({ length: 5 }, () => NatsConnection.connect(natsSettings(server.url))),
      );
      const opened = await Promise.allSettled(
        connections.map((each) => JetStreamJournal.open(each, { namespace, partitions: 16, replicas: 1 })),
      );
      for (const each of connections) await each.close();
      assert.deepEqual(
        opened.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : [])),
        [],
      );
    }
  });
});
