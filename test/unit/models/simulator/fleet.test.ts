import assert from 'node:assert/strict';
import { isChannelName, isDeviceId } from '../../../../models/domain/identity.js';
import { DEVICE_KINDS } from '../../../../models/simulator/devices/index.js';
import { createFleet, fleetDevices, type FleetOptions } from '../../../../models/simulator/fleet.js';

const START_MS = Date.UTC(2026, 0, 5);
const WEEK_MS = 7 * 86_400_000;
const base: FleetOptions = { seed: 1, devices: 8, intervalMs: 1_000, startMs: START_MS };

function week(device: string, channel: string): { ts: number; value: number }[] {
  const fleet = createFleet({ ...base, intervalMs: 300_000, jitter: 0, missing: 0 });
  return fleet
    .step(START_MS + WEEK_MS - 1)
    .filter((reading) => reading.device === device)
    .map(({ ts, values }) => ({ ts, value: values[channel]! }));
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('createFleet', () => {
  it('gives the same bytes for the same seed, others for another', () => {
    const bytes = (seed: number) => JSON.stringify(createFleet({ ...base, seed }).step(START_MS + 60_000));
    assert.equal(bytes(1), bytes(1));
    assert.notEqual(bytes(1), bytes(2));
  });

  it('names devices by their kind, in turn', () => {
    assert.deepEqual(
      fleetDevices(5).map(({ id }) => id),
      ['pump-01', 'freezer-01', 'air-handler-01', 'meter-01', 'pump-02'],
    );
    assert.deepEqual(fleetDevices(1, ['meter']), [{ id: 'meter-01', kind: 'meter' }]);
  });

  it('uses ids and channels that the door accepts', () => {
    const readings = createFleet({ ...base, devices: 500 }).step(START_MS + 1_000);
    for (const { device, values } of readings) {
      assert.ok(isDeviceId(device), device);
      assert.ok(Object.keys(values).every(isChannelName));
    }
  });

  it('samples every device once an interval, within the jitter', () => {
    const readings = createFleet({ ...base, missing: 0, jitter: 0.2 }).step(START_MS + 100_000 - 1);
    assert.equal(readings.length, 800);
    const times = readings.filter(({ device }) => device === 'pump-01').map(({ ts }) => ts);
    const intervals = times.slice(1).map((ts, i) => ts - times[i]!);
    assert.ok(
      intervals.every((ms) => ms >= 600 && ms <= 1_400),
      intervals.join(' '),
    );
    assert.ok(new Set(intervals).size > 20);
  });

  it('gives readings after the step before and not after the time asked for', () => {
    const fleet = createFleet(base);
    assert.deepEqual(fleet.step(START_MS - 1), []);
    assert.ok(fleet.step(START_MS + 5_300).every(({ ts }) => ts <= START_MS + 5_300));
    assert.deepEqual(fleet.step(START_MS + 5_300), []);
    const later = fleet.step(START_MS + 9_000);
    assert.ok(later.length > 0 && later.every(({ ts }) => ts > START_MS + 5_300 && ts <= START_MS + 9_000));
  });

  it('mixes its devices in the order of the true time', () => {
    const times = [...createFleet({ ...base, devices: 50 }).samples(START_MS + 20_000)].map(({ atMs }) => atMs);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.ok(times.length > 900);
  });

  it('loses readings and values at the rate asked for', () => {
    const readings = createFleet({ ...base, devices: 20, missing: 0.1 }).step(START_MS + 1_000_000 - 1);
    assert.ok(Math.abs(readings.length / 20_000 - 0.9) < 0.01, `${readings.length}`);
    const withNull = readings.filter(({ values }) => Object.values(values).includes(null)).length;
    assert.ok(Math.abs(withNull / readings.length - 0.1) < 0.01, `${withNull}`);
  });

  it('refuses bad options, all at once', () => {
    const bad: FleetOptions = { seed: NaN, devices: [{ id: 'a b', kind: 'toaster' }], intervalMs: 0.5, startMs: 0.1 };
    assert.throws(() => createFleet({ ...bad, jitter: 1, missing: -1 }), {
      type: 'SETTING_INVALID',
      message: /^7 bad setting/,
    });
    assert.throws(() => createFleet({ ...base, devices: 0 }), /devices must be a whole number >= 1, got 0/);
    assert.throws(() => createFleet({ ...base, kinds: [] }), /at least one kind/);
  });

  for (const kind of DEVICE_KINDS) {
    it(`${kind.name}: stays in its range, moves, and is rounded as its sensor does`, () => {
      const readings = createFleet({ ...base, devices: 1, kinds: [kind.name], intervalMs: 60_000 }).step(
        START_MS + 2 * 86_400_000,
      );
      for (const channel of kind.channels) {
        const values = readings
          .map((reading) => reading.values[channel.name])
          .filter((value) => typeof value === 'number');
        assert.ok(values.every((value) => Number.isFinite(value) && value >= channel.min && value <= channel.max));
        assert.ok(new Set(values).size > 1, channel.name);
        assert.ok(
          values.every((value) => String(value).length <= 7),
          channel.name,
        );
      }
    });

    it(`${kind.name}: the spread of its channels is what they stray by within minutes`, () => {
      const readings = createFleet({ ...base, devices: 1, missing: 0, kinds: [kind.name] }).step(
        START_MS + 36 * 3_600_000,
      );
      for (const { name, spread, takesFaults } of kind.channels) {
        if (!takesFaults) continue;
        const noon = readings.slice(12 * 3_600, 12 * 3_600 + 1_800).map(({ values }) => values[name]!);
        const sd = Math.sqrt(mean(noon.map((value) => (value - mean(noon)) ** 2)));
        assert.ok(sd > 0.25 * spread && sd < 2.5 * spread, `${name} ${sd} ${spread}`);
      }
    });
  }

  it('pumps work by day and rest at the weekend', () => {
    const temps = week('pump-01', 'temp');
    const at = (day: number, hour: number) => temps[(day * 24 + hour) * 12]!.value;
    assert.ok(at(1, 14) > at(1, 3) + 8);
    assert.ok(at(1, 14) > at(5, 14) + 5);
    assert.ok(Math.abs(at(1, 14) - at(2, 14)) < 3);
  });

  it('meters see the evening', () => {
    const load = week('meter-01', 'kW');
    const hour = (h: number) => mean([0, 1, 2, 3, 4].map((day) => load[(day * 24 + h) * 12]!.value));
    assert.ok(hour(12) > hour(3) * 1.5 && hour(19) > hour(23));
  });

  it('freezers cycle', () => {
    const readings = createFleet({ ...base, devices: 1, kinds: ['freezer'], missing: 0 }).step(START_MS + 7_200_000);
    const isOn = readings.map(({ values }) => values['power']! > 50);
    const starts = isOn.filter((on, i) => on && i > 0 && !isOn[i - 1]).length;
    const share = isOn.filter(Boolean).length / isOn.length;
    assert.ok(starts >= 8 && starts <= 40, `${starts} starts`);
    assert.ok(share > 0.2 && share < 0.8, `on for ${share}`);
  });
});
