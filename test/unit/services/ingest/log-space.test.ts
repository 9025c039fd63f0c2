import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { createIngestMetrics } from '../../../../services/ingest/ingest-metrics.js';
import { LogSpaceWatch } from '../../../../services/ingest/log-space.js';

describe('LogSpaceWatch', () => {
  it('shows what is free, or nothing where that is not known, and says when it is too little', async () => {
    const registry = new Registry();
    let freeBytes: number | undefined = 30;
    let neededBytes = 30;
    const look = () => Promise.resolve({ usedBytes: 70, freeBytes, neededBytes });
    const watch = new LogSpaceWatch(look, createIngestMetrics(registry), () => undefined);
    const shown = async () =>
      [...(await registry.metrics()).matchAll(/^redshank_log_(\w+)_bytes (\d+)$/gm)].map(
        (found) => `${found[1]} ${found[2]}`,
      );
    assert.deepEqual(await shown(), ['used 0']);
    await watch.measure();
    assert.deepEqual(await shown(), ['used 70', 'free 30']);
    assert.equal(watch.shortage, undefined);
    neededBytes = 31;
    await watch.measure();
    assert.match(watch.shortage!, /^the log is full: 30 bytes are free, and readings need 31/);
    freeBytes = undefined;
    await watch.measure();
    assert.equal(watch.shortage, undefined);
    assert.deepEqual(await shown(), ['used 70']);
  });
});
