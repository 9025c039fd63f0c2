import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createFleet, type FleetOptions } from '../../models/simulator/fleet.js';
import { FAULT_KINDS } from '../../models/simulator/fault.js';
import { randomFaults } from '../../models/simulator/random-faults.js';
import type { SimulatedDevice } from '../../models/simulator/simulated-reading.js';

const fleets = fc.record({
  seed: fc.integer(),
  devices: fc.integer({ min: 1, max: 6 }),
  intervalMs: fc.integer({ min: 1, max: 120_000 }),
  startMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  jitter: fc.double({ min: 0, max: 0.45, noNaN: true }),
  missing: fc.double({ min: 0, max: 0.5, noNaN: true }),
});
const kinds = fc.uniqueArray(fc.constantFrom(...FAULT_KINDS), { minLength: 1 });
type Options = Omit<FleetOptions, 'faults'>;

function withFaults(options: Options, faultKinds: (typeof FAULT_KINDS)[number][], calmIntervals = 5): FleetOptions {
  const { seed, intervalMs, startMs } = options;
  return {
    ...options,
    faults: (devices: readonly SimulatedDevice[]) =>
      randomFaults({
        ...{ seed, devices, intervalMs, kinds: faultKinds },
        startMs: startMs + calmIntervals * intervalMs,
        everyMs: 10 * intervalMs,
      }),
  };
}

describe('a simulated fleet', () => {
  it('gives each device ascending times, but where its clock jumps', () => {
    const steady = kinds.map((list) => list.filter((kind) => kind !== 'clock-jump')).filter((list) => list.length > 0);
    fc.assert(
      fc.property(fleets, steady, (options, faultKinds) => {
        const latest = new Map<string, number>();
        for (const { device, ts } of createFleet(withFaults(options, faultKinds)).step(
          options.startMs + 80 * options.intervalMs,
        )) {
          assert.ok(Number.isSafeInteger(ts));
          assert.ok(ts > (latest.get(device) ?? -1), `${device} ${ts}`);
          latest.set(device, ts);
        }
      }),
    );
  });

  it('is the same however its time is cut into steps', () => {
    fc.assert(
      fc.property(
        fleets,
        kinds,
        fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 10 }),
        (options, list, cuts) => {
          const endMs = options.startMs + 60 * options.intervalMs;
          const whole = createFleet(withFaults(options, list));
          const pieces = createFleet(withFaults(options, list));
          const readings = [];
          let timeMs = options.startMs;
          for (const cut of cuts) {
            timeMs = Math.min(endMs, timeMs + cut * options.intervalMs);
            readings.push(...pieces.step(timeMs));
          }
          readings.push(...pieces.step(endMs));
          assert.deepEqual(readings, whole.step(endMs));
          assert.deepEqual(pieces.truth, whole.truth);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('has finite values, and null where one is missing', () => {
    fc.assert(
      fc.property(fleets, kinds, (options, list) => {
        for (const { values } of createFleet(withFaults(options, list)).step(
          options.startMs + 60 * options.intervalMs,
        )) {
          for (const value of Object.values(values)) assert.ok(value === null || Number.isFinite(value));
        }
      }),
      { numRuns: 50 },
    );
  });
});
