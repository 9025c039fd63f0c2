import assert from 'node:assert/strict';
import { RateLimitedError } from '../../../../models/errors.js';
import { ReadingIntake } from '../../../../services/gateway/reading-intake.js';

describe('ReadingIntake', () => {
  let appended: number[];
  let asked: number[];
  let isLimited: boolean;
  const intake = () =>
    new ReadingIntake(
      {
        principal: { name: 'k', tenant: 't', role: 'writer' },
        append: (batch) => {
          appended.push(batch.length);
          assert.ok((4 / 3) * batch.encode().length < 1_000_000, 'more than a message of NATS may have');
          return Promise.resolve();
        },
        takeReadings: (readings) => {
          asked.push(readings);
          return isLimited ? Promise.reject(new RateLimitedError('too many', 1_000)) : Promise.resolve();
        },
      },
      { inc: () => undefined },
    );
  beforeEach(() => {
    appended = [];
    asked = [];
    isLimited = false;
  });
  const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);

  it('sends many readings of devices with long names in batches that a message can hold', async () => {
    const taking = intake();
    for (let i = 0; i < 30_000; i++) taking.add(i, String(i).padStart(128, 'd'), i, ['temp'], [i]);
    await taking.take();
    assert.ok(appended.length > 5, `${appended.length} batches`);
    assert.equal(sum(appended), 30_000);
    assert.equal(taking.counts().accepted, 30_000);
  });

  it('sends readings of which each has channels of its own in batches that a message can hold', async () => {
    const taking = intake();
    for (let i = 0; i < 200; i++) {
      const channels = Array.from({ length: 256 }, (_, c) => `${i}-${c}`.padStart(64, '°'));
      taking.add(i, 'pump-7', i, channels, new Float64Array(256));
    }
    await taking.take();
    assert.equal(sum(appended), 200);
  });

  it('asks the limit once, for all, and takes nothing when it says no', async () => {
    const taking = intake();
    for (let i = 0; i < 30_000; i++) taking.add(i, String(i).padStart(128, 'd'), i, ['temp'], [i]);
    isLimited = true;
    await assert.rejects(taking.take(), { type: 'RATE_LIMITED' });
    assert.deepEqual([asked, appended], [[30_000], []]);
  });
});
