/**
 * A display freezer: a thermostat switches its compressor, people open the door.
 *
 * temp   air temperature, °C; a saw tooth between the thermostat's two limits
 * door   1 while the door is open, else 0
 * power  electrical power, W; two levels, with a start-up surge
 */
import { AutoregressiveNoise } from '../autoregressive-noise.js';
import { dailySine, hourOfDay, plateau } from '../calendar.js';
import { Lag } from '../lag.js';
import type { DeviceKind } from './device-kind.js';

/** Openings an hour while the shop is busy. */
const OPENINGS_PER_HOUR = 4;
const STANDBY_WATTS = 6;
const SURGE_WATTS = 90;
const SURGE_SEC = 4;

export const freezer: DeviceKind = {
  name: 'freezer',
  channels: [
    { name: 'temp', unit: '°C', spread: 0.6, resolution: 0.01, min: -60, max: 60, takesFaults: true },
    { name: 'door', unit: '', spread: 1, resolution: 1, min: 0, max: 1, takesFaults: false },
    { name: 'power', unit: 'W', spread: 40, resolution: 0.1, min: 0, max: 2_000, takesFaults: true },
  ],
  create(random, stepSec, _startMs, everydayEvents) {
    const setPoint = random.between(-20, -17);
    const hysteresis = random.between(0.5, 0.7);
    const watts = random.between(110, 150);
    const coolingPerSec = random.between(0.009, 0.012);
    const values = new Float64Array(3);
    const tempNoise = new AutoregressiveNoise(random, 0.03, 15, stepSec);
    const powerNoise = new AutoregressiveNoise(random, 1.5, 20, stepSec);
    let isRunning = random.chance(0.5);
    let runningSec = random.between(SURGE_SEC, 120);
    let doorOpenSec = 0;
    let air = setPoint + random.between(-hysteresis, hysteresis);
    const probe = new Lag(air, 20, stepSec);

    function moveDoor(timeMs: number): void {
      doorOpenSec = Math.max(0, doorOpenSec - stepSec);
      const busy = plateau(hourOfDay(timeMs), 8, 20, 0.5);
      const opens = random.chance((OPENINGS_PER_HOUR * busy * stepSec) / 3_600);
      const openFor = random.between(8, 30);
      if (everydayEvents && doorOpenSec === 0 && opens) doorOpenSec = openFor;
    }
    function moveAir(timeMs: number): void {
      const room = 21 + 2 * dailySine(hourOfDay(timeMs));
      const leak = (room - air) * 0.00011 + (doorOpenSec > 0 ? 0.015 : 0);
      air += (leak - (isRunning ? coolingPerSec : 0)) * stepSec;
      if (isRunning && air < setPoint - hysteresis) isRunning = false;
      else if (!isRunning && air > setPoint + hysteresis) {
        isRunning = true;
        runningSec = 0;
      }
    }
    return {
      values,
      advance(timeMs) {
        moveDoor(timeMs);
        moveAir(timeMs);
        if (isRunning) runningSec += stepSec;
        const surge = SURGE_WATTS * Math.exp(-runningSec / SURGE_SEC);
        const drawn = isRunning ? watts + surge : STANDBY_WATTS;
        values[0] = probe.follow(air) + tempNoise.next() + 0.01 * random.normal();
        values[1] = doorOpenSec > 0 ? 1 : 0;
        values[2] = drawn + powerNoise.next() * (isRunning ? 1 : 0.1) + 0.1 * random.normal();
      },
    };
  },
};
