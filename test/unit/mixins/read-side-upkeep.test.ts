import assert from 'node:assert/strict';
import pino from 'pino';
import { ReadSideUpkeep } from '../../../mixins/read-side-upkeep.js';
import type { ReadSide } from '../../../storage/read-side/read-side.js';
import { until } from '../../support/until.js';

const DAY_MS = 86_400_000;

/** A read side that notes what it is asked, with a clock on which an hour, or less, passes at every look. */
function upkeepOf(flush: () => Promise<void>, lookMs = 3_600_000) {
  const calls = { flushedMs: [] as number[], expired: [] as number[] };
  const readSide = {
    unflushedRows: 0,
    flush: () => {
      calls.flushedMs.push(looks * lookMs);
      return flush();
    },
    expire: (beforeMs: number) => {
      calls.expired.push(beforeMs);
      return Promise.resolve(0);
    },
  } as unknown as ReadSide;
  let looks = 0;
  const clock = { monotonicMs: () => looks++ * lookMs, wallMs: () => 100 * DAY_MS };
  return { calls, upkeep: new ReadSideUpkeep(readSide, clock, 30, pino({ level: 'silent' })) };
}

describe('ReadSideUpkeep', () => {
  it('flushes, and forgets what arrived too long ago', async () => {
    const { calls, upkeep } = upkeepOf(() => Promise.resolve());
    upkeep.start();
    await until('an expiry', () => calls.expired.length > 0);
    await upkeep.stop();
    assert.equal(calls.expired[0], 70 * DAY_MS);
    assert.ok(calls.flushedMs.length > 0);
  });

  it('forgets what is old also when nothing can be flushed, and stops all the same', async () => {
    const { calls, upkeep } = upkeepOf(() => Promise.reject(new Error('disk full')));
    upkeep.start();
    await until('an expiry', () => calls.expired.length > 0);
    await upkeep.stop();
  });

  it('does not try again at every look while nothing works', async () => {
    const { calls, upkeep } = upkeepOf(() => Promise.reject(new Error('away')), 4_000);
    upkeep.start();
    await until('a second flush', () => calls.flushedMs.length >= 2);
    await upkeep.stop();
    assert.ok(calls.flushedMs[1]! - calls.flushedMs[0]! >= 10_000);
  });
});
