import assert from 'node:assert/strict';
import { WindowLog, type Row } from './window-log.js';

const T = Date.UTC(2026, 0, 1);
const outcomes = (of: readonly Row[]) => of.map(({ kind, outcome }) => `${kind} ${outcome ?? ''}`.trim());

describe('window: clock set back', () => {
  const behind = (log: WindowLog, k: number) => log.read(T - 120_000 + k * 1000, { x: k }, T + k * 1000);

  it('scores the 65th late reading and all after it', () => {
    const log = new WindowLog();
    log.read(T + 250_000, { x: 1 }, T);
    for (let k = 0; k < 64; k++) assert.deepEqual(outcomes(behind(log, k)), ['refused late']);
    assert.deepEqual(outcomes(behind(log, 64)), ['frame scored']);
    assert.deepEqual(outcomes(behind(log, 65)), ['frame scored']);
  });

  it('stays late when a backlog is sent again all at once', () => {
    const log = new WindowLog();
    log.steady(T, 1000, 300);
    for (let k = 0; k < 250; k++) {
      assert.equal(log.read(T + k * 1000, { x: k }, T + 299_000 + k)[0]?.outcome, 'late');
    }
  });

  it('stays late when an old file is sent', () => {
    const log = new WindowLog();
    log.read(T, { x: 1 });
    for (let k = 0; k < 100; k++) {
      assert.equal(log.read(T - 1e9 + k * 1000, { x: k }, T + k * 1000)[0]?.outcome, 'late');
    }
  });
});
