import assert from 'node:assert/strict';
import { FAULT_KINDS, type Fault, type FaultKind } from '../../../../models/simulator/fault.js';
import { createFleet, type FleetOptions } from '../../../../models/simulator/fleet.js';
import type { SimulatedReading } from '../../../../models/simulator/simulated-reading.js';

const START_MS = Date.UTC(2026, 0, 5, 10);
const FROM_MS = START_MS + 60_000;
const TO_MS = START_MS + 100_000;
const END_MS = START_MS + 200_000;
const base: FleetOptions = { seed: 3, devices: 2, kinds: ['pump'], intervalMs: 1_000, startMs: START_MS, missing: 0 };

function fault(kind: FaultKind, more: Partial<Fault> = {}): Fault {
  return { kind, device: 'pump-01', channel: 'temp', startMs: FROM_MS, endMs: TO_MS, ...more };
}

function run(...faults: Fault[]) {
  const fleet = createFleet({ ...base, faults });
  const readings = fleet.step(END_MS);
  return { truth: fleet.truth, pump: readings.filter(({ device }) => device === 'pump-01'), readings };
}

const healthy = run();

/** What a fault did to a channel: value minus the healthy one, by reading. */
function deviation(pump: readonly SimulatedReading[], channel = 'temp') {
  assert.equal(pump.length, healthy.pump.length);
  return pump.map(({ ts, values }, i) => ({ ts, by: values[channel]! - healthy.pump[i]!.values[channel]! }));
}

const isDuring = ({ ts }: { readonly ts: number }): boolean => ts >= FROM_MS && ts < TO_MS;

describe('faults', () => {
  for (const kind of FAULT_KINDS) {
    it(`${kind}: changes readings while it lasts, and no others`, () => {
      const { pump, readings } = run(fault(kind));
      const calm = (list: readonly SimulatedReading[]) =>
        list.filter((reading) => !isDuring(reading) && reading.ts < END_MS);
      assert.notDeepEqual(pump.filter(isDuring), healthy.pump.filter(isDuring));
      assert.deepEqual(calm(pump), calm(healthy.pump));
      const other = (list: readonly SimulatedReading[]) => list.filter(({ device }) => device === 'pump-02');
      assert.deepEqual(other(readings), other(healthy.readings));
    });

    it(`${kind}: is told in the truth`, () => {
      const channel = kind === 'silence' || kind === 'clock-jump' ? null : 'temp';
      assert.deepEqual(run(fault(kind)).truth, [
        { device: 'pump-01', channel, fault: kind, startMs: FROM_MS, endMs: TO_MS },
      ]);
    });
  }

  it('level-shift: all off by magnitude times spread', () => {
    const off = deviation(run(fault('level-shift', { magnitude: -10 })).pump).filter(isDuring);
    assert.ok(off.every(({ by }) => Math.abs(by + 5) < 0.011));
  });

  it('drift: ramps up to its magnitude', () => {
    const off = deviation(run(fault('drift', { magnitude: 20 })).pump).filter(isDuring);
    assert.ok(off[0]!.by < 0.5 && off.at(-1)!.by > 9.5);
    assert.ok(off.slice(1).every(({ by }, i) => by > off[i]!.by - 0.02));
  });

  it('flatline: repeats the last value', () => {
    const { pump } = run(fault('flatline'));
    const before = pump.findLast(({ ts }) => ts < FROM_MS)!;
    assert.ok(pump.filter(isDuring).every(({ values }) => values['temp'] === before.values['temp']));
    assert.ok(new Set(pump.filter(isDuring).map(({ values }) => values['vib'])).size > 10);
  });

  it('noise: spreads without moving the mean', () => {
    const off = deviation(run(fault('noise', { endMs: END_MS })).pump).filter(({ ts }) => ts >= FROM_MS);
    const mean = off.reduce((sum, { by }) => sum + by, 0) / off.length;
    const sd = Math.sqrt(off.reduce((sum, { by }) => sum + by * by, 0) / off.length);
    assert.ok(Math.abs(mean) < 1.2, `mean ${mean}`);
    assert.ok(sd > 3 && sd < 5, `sd ${sd}`);
  });

  it('silence: no readings', () => {
    assert.deepEqual(run(fault('silence')).pump.filter(isDuring), []);
  });

  it('clock-jump: the same values at other times, still in the order of the true time', () => {
    const { pump } = run(fault('clock-jump', { offsetMs: -7_200_000 }));
    const jumped = healthy.pump.map((reading) =>
      isDuring(reading) ? { ...reading, ts: reading.ts - 7_200_000 } : reading,
    );
    assert.deepEqual(pump, jumped);
  });

  it('are at least two intervals long, so that each shows', () => {
    const { pump, truth } = run(fault('spike', { endMs: FROM_MS + 1 }));
    assert.equal(truth[0]!.endMs, FROM_MS + 2_000);
    assert.ok(deviation(pump).some(({ by }) => by > 5));
  });

  it('lose no reading of a spike', () => {
    const fleet = createFleet({ ...base, missing: 1, faults: [fault('spike', { endMs: FROM_MS + 2_000 })] });
    const readings = fleet.step(END_MS);
    assert.equal(readings.length, 2);
    assert.ok(readings.every(({ values }) => values['temp'] !== null));
  });

  it('without a channel touch every channel that takes faults', () => {
    const options = { ...base, devices: 1, kinds: ['freezer'] };
    const all: Fault = { kind: 'level-shift', device: 'freezer-01', startMs: FROM_MS, endMs: TO_MS };
    const fleet = createFleet({ ...options, faults: [all] });
    fleet.step(END_MS);
    assert.deepEqual(
      fleet.truth.map(({ channel }) => channel),
      ['temp', 'power'],
    );
  });

  it('may come in any order in an array, and overlap', () => {
    const { pump, truth } = run(fault('level-shift', { startMs: FROM_MS + 5_000 }), fault('noise'), fault('silence'));
    assert.deepEqual(
      truth.map(({ fault: kind }) => kind),
      ['noise', 'silence', 'level-shift'],
    );
    assert.deepEqual(pump.filter(isDuring), []);
  });

  it('are told only once they have begun', () => {
    const fleet = createFleet({ ...base, faults: [fault('noise')] });
    fleet.step(FROM_MS - 1_000);
    assert.deepEqual(fleet.truth, []);
  });

  it('must fit the fleet', () => {
    const refused = (more: object) => () => run(fault('spike', more));
    assert.throws(refused({ device: 'pump-99' }), /on a device of the fleet, got pump-99/);
    assert.throws(refused({ channel: 'kW' }), /on one of temp, vib, pressure, got kW/);
    assert.throws(refused({ endMs: FROM_MS }), /must end after it starts/);
    assert.throws(refused({ kind: 'gremlin' }), /fault must be one of spike, .*, got gremlin/);
    function* unordered() {
      yield fault('spike', { startMs: FROM_MS });
      yield fault('spike', { startMs: FROM_MS - 1 });
    }
    assert.throws(() => createFleet({ ...base, faults: unordered() }).step(END_MS), { type: 'SETTING_INVALID' });
  });
});
