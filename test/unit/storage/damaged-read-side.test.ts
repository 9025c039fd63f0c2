import assert from 'node:assert/strict';
import { AlertBatch } from '../../../models/domain/alert.js';
import { StorageFailedError } from '../../../models/errors.js';
import { LmdbEnvironment } from '../../../storage/lmdb/lmdb-environment.js';
import { LmdbReadSide } from '../../../storage/read-side/lmdb-read-side.js';
import { sampleAlert, scoreRows } from '../../support/sample-records.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

describe('a damaged read side', () => {
  const folder = temporaryFolder();
  let environment: LmdbEnvironment;
  let readSide: LmdbReadSide;
  let told: string[];

  const write = (partition: number, device: string, sequence: number) =>
    readSide.writeScores(partition, sequence, scoreRows(device, [{ timeMs: sequence, values: { t: 1 } }]));
  const times = async (device: string) => [
    ...(await readSide.scores('default', device, { limit: 9 })).batch.timeMs.view(),
  ];
  /** Flips a bit in the first value of a table. */
  const damage = async (name: string): Promise<void> => {
    const table = environment.table(name);
    const [key] = [...table.getKeys({ limit: 1 })] as number[][];
    const bytes = Uint8Array.from(table.getBinary(key!)!);
    bytes[bytes.length - 1]! ^= 1;
    await environment.commit((writes) => writes.put(table, key!, bytes));
  };

  beforeEach(async () => {
    told = [];
    environment = LmdbEnvironment.open(folder());
    readSide = new LmdbReadSide(environment, { onDamage: (message) => told.push(message) });
    await write(0, 'a', 1);
    await write(1, 'b', 1);
    await readSide.flush();
  });
  afterEach(() => environment.close());

  it('tells of a damaged block once, leaves it out, and goes on', async () => {
    await damage('blocks');
    assert.deepEqual([await times('a'), await times('a'), await times('b')], [[], [], [1]]);
    assert.equal(told.length, 1);
    assert.match(told[0]!, /history block 1\/1\/0 is damaged/);
    await write(0, 'a', 2);
    await write(1, 'b', 2);
    await readSide.flush();
    assert.deepEqual([await times('a'), await times('b')], [[2], [1, 2]]);
    assert.deepEqual([await readSide.position('scores', 0), await readSide.position('scores', 1)], [2, 2]);
    await readSide.close();
  });

  it('forgets a damaged block when it is old', async () => {
    await damage('blocks');
    assert.equal(await readSide.expire(10), 1);
    assert.equal(environment.table('blocks').getKeysCount(), 0);
    await readSide.close();
  });

  it('begins a device again whose record is damaged', async () => {
    await damage('devices');
    assert.equal(await readSide.device('default', 'a'), undefined);
    assert.deepEqual(
      (await readSide.devices('default', { limit: 9 })).items.map((item) => item.device),
      ['b'],
    );
    await write(0, 'a', 2);
    await readSide.flush();
    assert.equal((await readSide.device('default', 'a'))?.outcomes.scored, 1);
    assert.deepEqual(await times('a'), [2]);
    assert.equal(told.length, 1);
  });

  it('leaves out a damaged alert, and takes it when it comes again', async () => {
    const put = (sequence: number, change: object) => {
      const batch = AlertBatch.create();
      batch.add({ change: 'raised', alert: sampleAlert(change) });
      return readSide.writeAlerts(0, sequence, batch);
    };
    const listed = async () => (await readSide.alerts('default', { limit: 9 })).items.map((item) => item.status);
    await put(1, {});
    await damage('alerts');
    assert.deepEqual(await listed(), []);
    await put(2, { status: 'acknowledged' });
    assert.deepEqual(await listed(), ['acknowledged']);
    assert.deepEqual((await readSide.alerts('default', { limit: 9, status: 'open' })).items, []);
    assert.equal(told.length, 1);
  });

  it('flushes the other partitions when one cannot be', async () => {
    const commit = environment.commit.bind(environment);
    let refusals = 1;
    environment.commit = (gather) =>
      refusals-- > 0 ? Promise.reject(new StorageFailedError('disk full')) : commit(gather);
    const positions = async () => [await readSide.position('scores', 0), await readSide.position('scores', 1)];
    await write(0, 'a', 2);
    await write(1, 'b', 2);
    await assert.rejects(readSide.flush(), StorageFailedError);
    assert.deepEqual(await positions(), [1, 2]);
    await readSide.flush();
    assert.deepEqual(await positions(), [2, 2]);
  });
});
