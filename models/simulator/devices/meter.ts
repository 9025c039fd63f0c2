/**
 * The electricity meter of a building: a base load, a morning and an evening rise, quieter weekends.
 *
 * kW       active power
 * voltage  V; sags a little under load and wanders with the grid
 */
import { AutoregressiveNoise } from '../autoregressive-noise.js';
import { bell, hourOfDay, isWeekend, plateau } from '../calendar.js';
import type { DeviceKind } from './device-kind.js';

/** Starts of the chiller an hour, and what it draws. */
const CHILLER_STARTS_PER_HOUR = 2;
const CHILLER_KW = 6;

export const meter: DeviceKind = {
  name: 'meter',
  channels: [
    { name: 'kW', unit: 'kW', spread: 1, resolution: 0.01, min: 0, max: 500, takesFaults: true },
    { name: 'voltage', unit: 'V', spread: 0.6, resolution: 0.1, min: 0, max: 500, takesFaults: true },
  ],
  create(random, stepSec, _startMs, everydayEvents) {
    const size = random.between(0.7, 1.4);
    const nominal = random.between(229, 232);
    const values = new Float64Array(2);
    const loadNoise = new AutoregressiveNoise(random, 0.5, 45, stepSec);
    const gridNoise = new AutoregressiveNoise(random, 0.35, 60, stepSec);
    let chillerSec = 0;

    return {
      values,
      advance(timeMs) {
        const hour = hourOfDay(timeMs);
        const work = plateau(hour, 7, 18, 0.8) + 0.35 * bell(hour, 8.5, 0.8) + 0.5 * bell(hour, 19, 1.5);
        chillerSec = Math.max(0, chillerSec - stepSec);
        const starts = random.chance((CHILLER_STARTS_PER_HOUR * stepSec) / 3_600);
        const runsFor = random.between(300, 900);
        if (everydayEvents && chillerSec === 0 && starts) chillerSec = runsFor;
        const load = size * (14 + 22 * work * (isWeekend(timeMs) ? 0.3 : 1)) + (chillerSec > 0 ? CHILLER_KW : 0);
        values[0] = load + size * loadNoise.next() + 0.15 * random.normal();
        values[1] = nominal - 0.04 * load + gridNoise.next() + 0.08 * random.normal();
      },
    };
  },
};
