import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { MoveLimit } from '../../../../mixins/stage-host/move-limit.js';

const monotonicMs = () => performance.now();

describe('limit of moves', () => {
  it('runs so many at once, the others when one of them ends', async () => {
    const limit = new MoveLimit(2, 1e6, monotonicMs);
    const started: number[] = [];
    const ends: (() => void)[] = [];
    const moves = [0, 1, 2, 3].map((move) =>
      limit.run(() => {
        started.push(move);
        return new Promise<void>((resolve) => ends.push(resolve));
      }),
    );
    await until(() => started.length === 2);
    for (let ended = 0; ended < 4; ended++) {
      await until(() => started.length === Math.min(4, ended + 2));
      assert.ok(ends.length <= ended + 2);
      ends[ended]!();
    }
    await Promise.all(moves);
    assert.deepEqual(started, [0, 1, 2, 3]);
  });

  it('starts so many a second', async () => {
    const limit = new MoveLimit(10, 50, monotonicMs);
    const startsMs: number[] = [];
    await Promise.all(Array.from({ length: 5 }, () => limit.run(() => Promise.resolve(startsMs.push(monotonicMs())))));
    // 20 ms apart; a timer may end a little before its time.
    assert.ok(startsMs.at(-1)! - startsMs[0]! >= 4 * 20 - 5, startsMs.join());
  });

  it('goes on after a failure, which it hands on', async () => {
    const limit = new MoveLimit(1, 1e6, monotonicMs);
    await assert.rejects(
      limit.run(() => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(await limit.run(() => Promise.resolve('yes')), 'yes');
  });
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}
