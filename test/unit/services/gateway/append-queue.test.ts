import assert from 'node:assert/strict';
import { ReadingBatch } from '../../../../models/domain/reading-batch.js';
import { AppendQueue } from '../../../../services/gateway/append-queue.js';

interface Call {
  readonly tenant: string;
  readonly devices: readonly string[];
  readonly bytes: number;
  readonly traceparent: string | undefined;
  readonly finish: (error?: Error) => void;
}

describe('AppendQueue', () => {
  let calls: Call[];
  let queue: AppendQueue;
  beforeEach(() => {
    calls = [];
    queue = new AppendQueue(
      (tenant, batch, traceparent) =>
        new Promise((resolve, reject) => {
          const devices = Array.from({ length: batch.length }, (_, i) => batch.deviceKey(i));
          const bytes = batch.encode().length;
          calls.push({ tenant, devices, bytes, traceparent, finish: (error) => (error ? reject(error) : resolve()) });
        }),
    );
  });
  const readings = (...devices: readonly string[]): ReadingBatch => {
    const batch = ReadingBatch.create();
    for (const device of devices) batch.addReading(device, 1, ['temp'], [1]);
    return batch;
  };
  /** Lets what has been settled go on. */
  const turn = () => new Promise(setImmediate);
  const sent = () => calls.map(({ devices }) => devices.join());

  it('sends what comes alone at once, and what comes meanwhile together', async () => {
    const answers = ['a', 'b', 'c'].map((device) => queue.add('t', readings(device)));
    assert.deepEqual(sent(), ['a']);
    calls[0]!.finish();
    await answers[0];
    await turn();
    assert.deepEqual(sent(), ['a', 'b,c']);
    calls[1]!.finish();
    await Promise.all(answers);
    await turn();
    void queue.add('t', readings('d'));
    assert.deepEqual(sent(), ['a', 'b,c', 'd']);
  });

  it('fails all that went together, and nobody else', async () => {
    const answers = ['a', 'b', 'c'].map((device) => queue.add('t', readings(device)));
    const settled = Promise.allSettled(answers);
    calls[0]!.finish();
    await turn();
    calls[1]!.finish(new Error('the disk is full'));
    assert.deepEqual(
      (await settled).map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected'],
    );
    const later = queue.add('t', readings('d'));
    calls[2]!.finish();
    await later;
  });

  it('keeps tenants apart', () => {
    for (const tenant of ['t', 't', 'u']) void queue.add(tenant, readings(tenant));
    assert.deepEqual(
      calls.map(({ tenant }) => tenant),
      ['t', 'u'],
    );
  });

  it('sends no more at once than a message may hold', async () => {
    void queue.add('t', readings('first'));
    for (let request = 0; request < 60; request++) {
      void queue.add('t', readings(...Array.from({ length: 1_000 }, (_, i) => `${request}-${i}`.padStart(128, '0'))));
    }
    let taken = 0;
    for (let call = 0; call < calls.length; call++) {
      calls[call]!.finish();
      await turn();
      // In base64, with room for what goes with a call.
      assert.ok((4 / 3) * calls[call]!.bytes < 1_000_000, `${calls[call]!.bytes} bytes`);
      taken += calls[call]!.devices.length;
    }
    assert.equal(taken, 60_001);
    assert.ok(calls.length < 30, `${calls.length} calls`);
  });

  it('follows the first request that is traced', async () => {
    void queue.add('t', readings('a'));
    void queue.add('t', readings('b'));
    void queue.add('t', readings('c'), 'traced');
    calls[0]!.finish();
    await turn();
    assert.deepEqual([calls[1]!.devices, calls[1]!.traceparent], [['b', 'c'], 'traced']);
  });
});
