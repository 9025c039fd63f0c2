import assert from 'node:assert/strict';
import { SettingInvalidError, StorageFailedError } from '../../../../models/errors.js';
import { JetStreamRefusal } from '../../../../storage/nats/jetstream-api.js';
import { whileElecting } from '../../../../storage/nats/while-electing.js';

describe('patience with NATS', () => {
  /** Fails with each of these, then works. */
  function failing(...errors: readonly Error[]) {
    const left = [...errors];
    return () => {
      const error = left.shift();
      return error === undefined ? Promise.resolve('done') : Promise.reject(error);
    };
  }
  const electing = () => new JetStreamRefusal('it', 10008, 'JetStream system temporarily unavailable');
  const silent = () => new StorageFailedError('NATS did not answer x within 4000 ms');

  it('asks again while servers elect, and says so once for all that is asked', async () => {
    const told: string[] = [];
    const settled = whileElecting(60_000, { report: (_, message) => void told.push(message) });
    assert.equal(await settled(failing(electing())), 'done');
    assert.equal(await settled(failing(silent())), 'done');
    assert.equal(told.length, 1);
    assert.match(told[0]!, /not ready yet \(JetStream refuses it: JetStream system temporarily unavailable\)/);
  }).timeout(10_000);

  it('ends at once where waiting mends nothing, or its time is over', async () => {
    const exists = new JetStreamRefusal('it', 10058, 'stream name already in use');
    await assert.rejects(whileElecting(60_000)(failing(exists)), exists);
    const wrong = new SettingInvalidError(['nats_replicas']);
    await assert.rejects(whileElecting(60_000)(failing(wrong)), wrong);
    await assert.rejects(whileElecting(0)(failing(electing())), /temporarily unavailable/);
  });

  it('ends when it is told to', async () => {
    const stop = new AbortController();
    const waiting = whileElecting(60_000, { signal: stop.signal })(failing(electing(), electing()));
    stop.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
  });
});
