import assert from 'node:assert/strict';
import { JetStreamJournal } from '../../storage/journal/jetstream-journal.js';
import { NatsConnection } from '../../storage/nats/nats-connection.js';
import { NatsServer, needsNatsServer } from '../support/nats-server.js';
import { natsSettings } from '../support/nats-settings.js';

const PARTITIONS = 16;
const RECORDS = 80;
const RECORD_BYTES = 32_768;
/** The work of a stage between two reads, during which nothing is taken from the line. */
const WORK_MS = 20;

/** A member that had been away: all of its partitions have a lot to read, and it computes in between. */
describe('a member that catches up', function () {
  this.timeout(120_000);
  let server: NatsServer;
  let connection: NatsConnection;
  let journal: JetStreamJournal;
  let breaks = 0;

  before(function () {
    needsNatsServer(this);
  });
  before(async () => {
    // A hundredth of the default, and as much less data.
    server = await NatsServer.start({ config: 'max_payload: 1MB\nmax_pending: 1MB\nwrite_deadline: "2s"' });
    const report = (level: string): void => {
      if (level === 'warn') breaks++;
    };
    connection = await NatsConnection.connect(natsSettings(server.url), { report });
    journal = await JetStreamJournal.open(connection, { namespace: 'test', partitions: PARTITIONS, replicas: 1 });
    const payload = new Uint8Array(RECORD_BYTES);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const stream = { topic: 'readings', partition } as const;
      for (let i = 0; i < RECORDS; i++) await journal.append(stream, payload);
    }
  });
  after(async () => {
    await journal.close();
    await connection.close();
    await server.stop();
  });

  it('is cut off a few times at most, and gets to the end', async () => {
    await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => readAll(partition)));
    console.log(`    breaks of the connection: ${breaks}`);
    assert.ok(breaks <= 8, `the connection broke ${breaks} times`);
  });

  async function readAll(partition: number): Promise<void> {
    const reader = journal.read({ topic: 'readings', partition }, 1);
    for (let read = 0; read < RECORDS;) {
      const records = await reader.next(16, 1e9, 1_000);
      assert.ok(records.every(({ sequence }, i) => sequence === read + 1 + i));
      read += records.length;
      if (records.length > 0) work();
    }
    reader.close();
  }
});

function work(): void {
  const endMs = performance.now() + WORK_MS;
  while (performance.now() < endMs);
}
