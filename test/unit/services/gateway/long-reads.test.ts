import assert from 'node:assert/strict';
import { LongReads } from '../../../../services/gateway/long-reads.js';

describe('LongReads', () => {
  it('lets a key have few at once, and others theirs', async () => {
    const reads = new LongReads();
    let finish = (): void => undefined;
    const until = new Promise<void>((resolve) => (finish = resolve));
    const running = Array.from({ length: 4 }, () => reads.run({ tenant: 't', name: 'a' }, () => until));
    await assert.rejects(
      reads.run({ tenant: 't', name: 'a' }, () => until),
      { type: 'OVERLOADED' },
    );
    running.push(reads.run({ tenant: 't', name: 'b' }, () => until));
    finish();
    await Promise.all(running);
    await reads.run({ tenant: 't', name: 'a' }, () => Promise.resolve());
  });

  it('bounds those of all keys', async () => {
    const reads = new LongReads();
    const never = new Promise<void>(() => undefined);
    for (let key = 0; key < 6; key++)
      for (let i = 0; i < 4; i++) void reads.run({ tenant: 't', name: `${key}` }, () => never);
    await assert.rejects(
      reads.run({ tenant: 't', name: 'z' }, () => never),
      { type: 'OVERLOADED' },
    );
  });

  it('counts no read that failed', async () => {
    const reads = new LongReads();
    for (let i = 0; i < 9; i++)
      await assert.rejects(
        reads.run({ tenant: 't', name: 'a' }, () => Promise.reject(new Error('gone'))),
        /gone/,
      );
  });
});
