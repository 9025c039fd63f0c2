import assert from 'node:assert/strict';
import { FAULT_KINDS, type Fault } from '../../../../models/simulator/fault.js';
import { fleetDevices } from '../../../../models/simulator/fleet.js';
import { randomFaults, type RandomFaultOptions } from '../../../../models/simulator/random-faults.js';

const options: RandomFaultOptions = {
  seed: 1,
  devices: fleetDevices(24),
  intervalMs: 1_000,
  startMs: 1_000_000,
  everyMs: 20_000,
};

function first(count: number, more: Partial<RandomFaultOptions> = {}): Fault[] {
  const faults = randomFaults({ ...options, ...more });
  return Array.from({ length: count }, () => faults.next().value);
}

describe('randomFaults', () => {
  it('comes in order, about every `everyMs`', () => {
    const starts = first(200).map((fault) => fault.startMs);
    assert.equal(starts[0], 1_000_000);
    assert.deepEqual(
      starts,
      starts.toSorted((a, b) => a - b),
    );
    assert.ok(Math.abs((starts.at(-1)! - 1_000_000) / 199 - 20_000) < 1_000);
  });

  it('plays every kind and every device once before any comes again', () => {
    const faults = first(24);
    assert.equal(new Set(faults.slice(0, FAULT_KINDS.length).map(({ kind }) => kind)).size, FAULT_KINDS.length);
    assert.equal(new Set(faults.map(({ device }) => device)).size, 24);
  });

  it('gives a device one fault at a time', () => {
    const busyUntil = new Map<string, number>();
    for (const { device, startMs, endMs } of first(300, { devices: fleetDevices(2), everyMs: 1_000 })) {
      assert.ok(startMs >= (busyUntil.get(device) ?? 0));
      busyUntil.set(device, endMs);
    }
  });

  it('keeps to the kinds asked for', () => {
    assert.ok(first(50, { kinds: ['drift'] }).every(({ kind, channel }) => kind === 'drift' && channel !== undefined));
  });

  it('depends on its seed alone', () => {
    assert.deepEqual(first(50), first(50));
    assert.notDeepEqual(first(50), first(50, { seed: 2 }));
  });

  it('refuses what it cannot play', () => {
    assert.throws(() => first(1, { devices: [], kinds: [], everyMs: 0 }), /^SettingInvalidError: 3 bad/);
  });
});
