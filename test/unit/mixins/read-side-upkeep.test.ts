import assert from 'node:assert/strict';
import pino from 'pino';
import { ReadSideUpkeep } from '../../../mixins/read-side-upkeep.js';
import type { ReadSide } from '../../../storage/read-side/read-side.js';
import { until } from '../../support/until.js';

const DAY_MS = 86_400_000;

/** A read side that notes what it is asked, with a clock on which an hour passes at every look. */
function upkeepOf(flush: () => Promise<void>) {
  const calls = { flushes: 0, expired: [] as number[] };
  const readSide = {
    unflushedRows: 0,
    flush: () => {
      calls.flushes++;
      return flush();
    },
    expire: (beforeMs: number) => {
      calls.expired.push(beforeMs);
      return Promise.resolve(0);
    },
  } as unknown as ReadSide;
  let looks = 0;
  const clock = { monotonicMs: () => looks++ * 3_600_000, wallMs: () => 100 * DAY_MS };
  return { calls, upkeep: new ReadSideUpkeep(readSide, clock, 30, pino({ level: 'silent' })) };
}

describe('ReadSideUpkeep', () => {
  it('flushes, and forgets what arrived too long ago', async () => {
    const { calls, upkeep } = upkeepOf(() => Promise.resolve());
    upkeep.start();
    await until('an expiry', () => calls.expired.length > 0);
    await upkeep.stop();
    assert.equal(calls.expired[0], 70 * DAY_MS);
    assert.ok(calls.flushes > 0);
  });

  it('forgets what is old also when nothing can be flushed, and stops all the same', async () => {
    const { calls, upkeep } = upkeepOf(() => Promise.reject(new Error('disk full')));
    upkeep.start();
    await until('an expiry', () => calls.expired.length > 0);
    await upkeep.stop();
  });
});
