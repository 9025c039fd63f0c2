import assert from 'node:assert/strict';
import { demoScenario } from '../../../../models/simulator/demo-scenario.js';

const NOW_MS = Date.UTC(2026, 0, 5, 10);

describe('demoScenario', () => {
  it('has ten quiet minutes of history for each of 24 devices', () => {
    const { fleet, historyFromMs, liveFromMs } = demoScenario({ seed: 1, nowMs: NOW_MS });
    const history = fleet.step(liveFromMs);
    assert.equal(liveFromMs, NOW_MS);
    assert.equal(historyFromMs, NOW_MS - 600_000);
    assert.equal(new Set(history.map(({ device }) => device)).size, 24);
    assert.ok(history.length > 14_200);
    assert.ok(history.every(({ ts }) => ts >= historyFromMs && ts <= NOW_MS));
    assert.deepEqual(fleet.truth, []);
  });

  it('shows its first fault within ten seconds, and five more in the two minutes after', () => {
    const { fleet } = demoScenario({ seed: 1, nowMs: NOW_MS });
    const during = fleet.step(NOW_MS + 10_000).filter(({ device, ts }) => device === 'pump-01' && ts > NOW_MS);
    const temps = during.map(({ values }) => values['temp']!);
    assert.ok(temps.at(-1)! > temps[0]! + 10);
    fleet.step(NOW_MS + 130_000);
    assert.ok(new Set(fleet.truth.map(({ device }) => device)).size >= 6);
    assert.ok(new Set(fleet.truth.map(({ fault }) => fault)).size >= 6);
  });

  it('works with a single device', () => {
    const { fleet } = demoScenario({ seed: 1, nowMs: NOW_MS, devices: 1 });
    fleet.step(NOW_MS + 60_000);
    assert.ok(fleet.truth.length >= 2);
  });
});
