/**
 * A water pump: load follows the shifts of a plant, five days a week.
 *
 * temp      bearing temperature, °C; follows the load about 15 minutes late
 * vib       vibration velocity, mm/s RMS; grows with the load
 * pressure  outlet pressure, bar; grows with the load, with a slow ripple
 */
import { AutoregressiveNoise } from '../autoregressive-noise.js';
import { dailySine, hourOfDay, isWeekend, plateau } from '../calendar.js';
import { Lag } from '../lag.js';
import type { DeviceKind } from './device-kind.js';

const RIPPLE_SEC = 47;

export const pump: DeviceKind = {
  name: 'pump',
  channels: [
    { name: 'temp', unit: '°C', spread: 0.5, resolution: 0.01, min: -40, max: 200, takesFaults: true },
    { name: 'vib', unit: 'mm/s', spread: 0.1, resolution: 0.001, min: 0, max: 50, takesFaults: true },
    { name: 'pressure', unit: 'bar', spread: 0.08, resolution: 0.001, min: 0, max: 25, takesFaults: true },
  ],
  create(random, stepSec, startMs) {
    const size = random.between(0.9, 1.1);
    const wear = random.between(0.8, 1.3);
    const phase = random.between(0, 2 * Math.PI);
    const values = new Float64Array(3);
    const loadNoise = new AutoregressiveNoise(random, 0.015, 900, stepSec);
    const tempNoise = new AutoregressiveNoise(random, 0.12, 20, stepSec);
    const vibNoise = new AutoregressiveNoise(random, 0.035, 5, stepSec);
    const pressureNoise = new AutoregressiveNoise(random, 0.025, 8, stepSec);
    const heat = new Lag(tempFor(startMs, loadAt(startMs)), 900, stepSec);

    function loadAt(timeMs: number): number {
      return 0.4 + 0.4 * plateau(hourOfDay(timeMs), 6, 21, 0.7) * (isWeekend(timeMs) ? 0.35 : 1);
    }
    function tempFor(timeMs: number, load: number): number {
      return 18 + 3 * dailySine(hourOfDay(timeMs)) + 42 * size * load;
    }
    return {
      values,
      advance(timeMs) {
        const load = loadAt(timeMs) + loadNoise.next();
        const ripple = Math.sin(phase + (2 * Math.PI * timeMs) / (RIPPLE_SEC * 1_000));
        values[0] = heat.follow(tempFor(timeMs, load)) + tempNoise.next() + 0.05 * random.normal();
        values[1] = wear * (0.9 + 1.7 * load) * (1 + vibNoise.next()) + 0.02 * random.normal();
        values[2] = 3.1 * size + 2.2 * load + 0.03 * ripple + pressureNoise.next() + 0.008 * random.normal();
      },
    };
  },
};
