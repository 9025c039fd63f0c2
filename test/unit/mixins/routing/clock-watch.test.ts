import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import type { ServiceBroker } from 'moleculer';
import { ClockWatch } from '../../../../mixins/routing/clock-watch.js';

describe('ClockWatch', () => {
  it('shows the clock that is farthest, as far as the way of its answer cannot explain it', async () => {
    const pongs = {
      b: { elapsedTime: 10, timeDiff: 20 },
      c: { elapsedTime: 400, timeDiff: -3_200 },
      d: null,
    };
    const broker = { nodeID: 'a', ping: () => Promise.resolve(pongs) } as unknown as ServiceBroker;
    const registry = new Registry();
    await new ClockWatch(
      broker,
      () => ['a', 'b', 'c', 'd'],
      registry,
      () => undefined,
    ).look();
    assert.match(await registry.metrics(), /^redshank_clock_offset_seconds 3$/m);
  });
});
