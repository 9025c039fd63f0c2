import assert from 'node:assert/strict';
import { SilenceLog, type ListedSilence } from '../../../../services/gateway/silence-log.js';
import { MemoryJournal } from '../../../support/memory-journal.js';

describe('SilenceLog', () => {
  const silence = (i: number, state: ListedSilence['state'], tenant = 'default'): ListedSilence => ({
    id: `${tenant}-${i}`,
    tenant,
    devices: ['pump-*'],
    fromMs: 0,
    untilMs: 1e15,
    by: 'somebody',
    createdMs: i,
    state,
  });

  it('keeps the latest of what has ended, and all that has not', async () => {
    const log = new SilenceLog(new MemoryJournal());
    await log.write(silence(0, 'set'));
    for (let i = 1; i <= 700; i++) await log.write(silence(i, 'ended'));
    await log.write(silence(1, 'ended', 'acme'));
    const listed = await log.list('default', 1);
    assert.equal(listed.length, 501);
    assert.deepEqual([listed[0]!.createdMs, listed[1]!.createdMs, listed.at(-1)!.createdMs], [0, 201, 700]);
    assert.equal((await log.list('acme', 1)).length, 1);
  });
});
