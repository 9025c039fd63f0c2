/**
 * An air handling unit of an office: runs up in the morning, rests at night and at weekends.
 *
 * supply    supply air, °C; its controller hunts a little around the set point
 * return    return air, °C; follows the people in the rooms half an hour late
 * fan       fan speed, %
 * humidity  relative humidity of the return air, %
 */
import { AutoregressiveNoise } from '../autoregressive-noise.js';
import { dailySine, hourOfDay, isWeekend, plateau } from '../calendar.js';
import { Lag } from '../lag.js';
import type { DeviceKind } from './device-kind.js';

export const airHandler: DeviceKind = {
  name: 'air-handler',
  channels: [
    { name: 'supply', unit: '°C', spread: 0.3, resolution: 0.01, min: -20, max: 80, takesFaults: true },
    { name: 'return', unit: '°C', spread: 0.15, resolution: 0.01, min: -20, max: 80, takesFaults: true },
    { name: 'fan', unit: '%', spread: 1, resolution: 0.1, min: 0, max: 100, takesFaults: true },
    { name: 'humidity', unit: '%', spread: 0.6, resolution: 0.1, min: 0, max: 100, takesFaults: true },
  ],
  create(random, stepSec, startMs) {
    const setPoint = random.between(16, 18);
    const huntingSec = random.between(150, 260);
    const phase = random.between(0, 2 * Math.PI);
    const damp = random.between(-4, 4);
    const values = new Float64Array(4);
    const supplyNoise = new AutoregressiveNoise(random, 0.08, 30, stepSec);
    const returnNoise = new AutoregressiveNoise(random, 0.05, 90, stepSec);
    const fanNoise = new AutoregressiveNoise(random, 0.6, 25, stepSec);
    const humidityNoise = new AutoregressiveNoise(random, 0.35, 200, stepSec);
    const rooms = new Lag(21 + 1.8 * peopleAt(startMs), 1_800, stepSec);

    function peopleAt(timeMs: number): number {
      return isWeekend(timeMs) ? 0.05 : plateau(hourOfDay(timeMs), 7, 19, 0.8);
    }
    return {
      values,
      advance(timeMs) {
        const people = peopleAt(timeMs);
        const sun = dailySine(hourOfDay(timeMs));
        const hunting = Math.sin(phase + (2 * Math.PI * timeMs) / (huntingSec * 1_000));
        values[0] = setPoint - 1.5 * people + 0.2 * hunting + supplyNoise.next() + 0.02 * random.normal();
        values[1] = rooms.follow(21 + 1.8 * people + 0.4 * sun) + returnNoise.next() + 0.02 * random.normal();
        values[2] = 32 + 42 * people + 0.5 * hunting + fanNoise.next() + 0.15 * random.normal();
        values[3] = 43 + damp + 4 * people - 2 * sun + humidityNoise.next() + 0.1 * random.normal();
      },
    };
  },
};
