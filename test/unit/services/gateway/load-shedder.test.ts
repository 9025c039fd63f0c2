import assert from 'node:assert/strict';
import { OverloadedError } from '../../../../models/errors.js';
import { LoadShedder } from '../../../../services/gateway/load-shedder.js';

describe('shedding of load', () => {
  let nowMs = 0;
  const shedder = new LoadShedder({ mostRunning: 100, mostWhileLate: 3, nowMs: () => nowMs });
  const lookAt = (ms: number): void => {
    nowMs = ms;
    shedder.look();
  };

  it('refuses beyond so many at once', () => {
    shedder.check(100);
    assert.throws(() => shedder.check(101), OverloadedError);
  });

  it('refuses while the event loop is late, but for a few, and takes all again after that', () => {
    for (const ms of [0, 100, 200]) lookAt(ms);
    shedder.check(100);
    lookAt(600);
    shedder.check(3);
    assert.throws(() => shedder.check(4), /behind with its answers/);
    for (const ms of [700, 800, 900, 1_000, 1_100]) lookAt(ms);
    shedder.check(4);
  });
});
