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
    log.steady(T, 1000, 10);
    for (let k = 0; k < 1000; k++) {
      assert.equal(log.read(T - 1e9 + k * 1000, { x: k }, T + 9000 + k * 100)[0]?.outcome, 'late');
    }
  });

  it('stays late when an old file is sent slowly, among live readings', () => {
    const log = new WindowLog();
    for (let k = 0; k < 300; k++) {
      const nowMs = T + k * 1000;
      log.read(nowMs, { x: k });
      if (k > 0) assert.equal(log.read(T - 1e9 + k * 1000, { x: k }, nowMs)[0]?.outcome, 'late');
    }
  });

  for (const [name, backMs] of [
    ['an hour', 3_600_000],
    ['a year', 3.15e10],
  ] as const) {
    it(`scores again after 65 readings when it was set back by ${name}, and is live`, () => {
      const log = new WindowLog();
      log.steady(T, 1000, 300);
      const nowMs = T + 300_000;
      const after = Array.from({ length: 100 }, (_, k) =>
        log.read(nowMs + k * 1000 - backMs, { x: k }, nowMs + k * 1000).filter(({ kind }) => kind !== 'silence'),
      ).flat();
      assert.deepEqual(
        after.map(({ outcome }) => outcome),
        after.map((_, k) => (k < 64 ? 'late' : 'scored')),
      );
      assert.deepEqual(outcomes(log.tick(nowMs + 99_000 + 10_000)), ['silence filled']);
    });
  }

  it('does not score a backlog twice that a gateway sends again all at once', () => {
    const log = new WindowLog();
    log.steady(T, 1000, 5000);
    const again = Array.from({ length: 4900 }, (_, k) => ({ device: 't/a', timeMs: T + k * 1000, values: { x: k } }));
    for (const wait of [0, 60_000, 120_000]) {
      const rows = log.feed({ receivedMs: T + 5_000_000 + wait, readings: again });
      assert.ok(rows.every(({ kind, outcome }) => kind === 'silence' || outcome === 'late'));
    }
  });
});
