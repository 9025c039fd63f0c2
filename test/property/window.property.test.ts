import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { WindowProfile } from '../../models/profiles/window-profile.js';
import { windowStage } from '../../models/stages/window.js';
import { DeadlineHeap } from '../../models/stages/window/deadline-heap.js';
import { WindowState } from '../../models/stages/window/window-state.js';
import {
  profileCommand,
  WindowLog,
  type Chunk,
  type Reading,
  type Row,
} from '../unit/models/stages/window/window-log.js';

const T = Date.UTC(2026, 0, 1);

const value = fc.oneof(fc.integer({ min: 0, max: 2 }), fc.constantFrom(-0, 1e300, null));
const values = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), value, { minKeys: 1, maxKeys: 4 });

// Half seconds, so that times meet often.
const reading = fc.record({
  device: fc.constantFrom('t/a', 't/b', 'u/a'),
  behind: fc.oneof(fc.integer({ min: -2, max: 20 }), fc.integer({ min: -700, max: 200_000 })),
  values,
});

const profile: fc.Arbitrary<Partial<WindowProfile>> = fc.record(
  {
    stepMs: fc.constantFrom(0, 500, 1000),
    latenessMs: fc.constantFrom(0, 1000, 5000),
    joinMs: fc.constantFrom(0, 300, 2000),
    gapPolicy: fc.constantFrom('missing' as const, 'hold' as const, 'linear' as const),
    silentAfterSteps: fc.constantFrom(0, 3),
    silentAfterMinMs: fc.constant(1000),
    maxChannels: fc.constantFrom(2, 3, 8),
  },
  { requiredKeys: [] },
);

const chunk = fc.record({
  afterMs: fc.constantFrom(-5000, 0, 1, 250, 500, 1000, 1500, 20_000),
  profile: fc.option(profile, { freq: 8, nil: undefined }),
  forget: fc.option(fc.constantFrom('t/a', 't/b', 'u/a'), { freq: 12, nil: undefined }),
  readings: fc.array(reading, { maxLength: 6 }),
});

/** At most 60 readings: too few for a clock that counts as set back, which is the one case in which times step back. */
const log = fc.tuple(profile, fc.array(chunk, { maxLength: 30 })).map(([first, chunks]): Chunk[] => {
  let receivedMs = T;
  let left = 60;
  const made: Chunk[] = [{ receivedMs, commands: [profileCommand(first)] }];
  for (const { afterMs, profile: changed, forget, readings } of chunks) {
    receivedMs += afterMs;
    const kept = readings.slice(0, left);
    left -= kept.length;
    made.push({
      receivedMs,
      commands: changed === undefined ? [] : [profileCommand(changed)],
      forget: forget === undefined ? [] : [forget],
      readings: kept.map((item) => ({
        device: item.device,
        timeMs: Math.floor(receivedMs / 500) * 500 - item.behind * 500,
        values: item.values,
      })),
    });
  }
  return made;
});

/** After this, nothing waits. */
const END = T + 1e9;

function run(chunks: readonly Chunk[]): { rows: Row[]; log: WindowLog } {
  const windowLog = new WindowLog();
  return { rows: chunks.flatMap((item) => windowLog.feed(item)), log: windowLog };
}

const isOutcome = ({ kind, outcome }: Row): boolean => kind === 'refused' || (kind === 'frame' && outcome !== 'filled');

describe('window, properties', () => {
  it('gives every reading exactly one outcome', () => {
    fc.assert(
      fc.property(log, (chunks) => {
        const { rows } = run([...chunks, { receivedMs: END }]);
        const name = ({ device, timeMs }: { device: string; timeMs: number }) => `${device} ${timeMs}`;
        assert.deepEqual(
          rows.filter(isOutcome).map(name).sort(),
          chunks
            .flatMap(({ readings }) => readings ?? [])
            .map(name)
            .sort(),
        );
      }),
    );
  });

  it('lets the frames of a device ascend in time, filled ones strictly between', () => {
    fc.assert(
      fc.property(log, (chunks) => {
        const last = new Map<string, number>();
        for (const { kind, device, timeMs, outcome } of run(chunks).rows) {
          // What it sends after that is of a new device.
          if (kind === 'command' && device !== '') last.delete(device);
          if (kind !== 'frame') continue;
          const before = last.get(device) ?? -Infinity;
          assert.ok(outcome === 'filled' ? timeMs > before : timeMs >= before, `${timeMs} after ${before}`);
          last.set(device, timeMs);
        }
      }),
    );
  });

  it('writes a value or NaN and a flag for every channel, as the policy says', () => {
    fc.assert(
      fc.property(log, (chunks) => {
        for (const { kind, values: shown, imputed } of run(chunks).rows) {
          if (kind === 'command') continue;
          for (const [name, number] of Object.entries(shown!)) {
            assert.ok(number !== null || imputed!.includes(name), `${kind}: ${name} has no value and is not imputed`);
          }
        }
      }),
    );
  });

  it('continues identically after a restore', () => {
    fc.assert(
      fc.property(log, fc.nat(30), (chunks, at) => {
        const whole = run([...chunks, { receivedMs: END }]);
        const cut = run(chunks.slice(0, at));
        const before = windowStage.snapshot(cut.log.state);
        const wakeMs = cut.log.wakeMs();
        cut.log.reload();
        assert.deepEqual(windowStage.snapshot(cut.log.state), before);
        assert.equal(cut.log.wakeMs(), wakeMs);
        const rest = [...chunks.slice(at), { receivedMs: END }].flatMap((item) => cut.log.feed(item));
        assert.deepEqual([...cut.rows, ...rest], whole.rows);
        assert.deepEqual(windowStage.snapshot(cut.log.state), windowStage.snapshot(whole.log.state));
      }),
    );
  });

  it('does not depend on how the log is cut into chunks', () => {
    fc.assert(
      fc.property(log, (chunks) => {
        const single = chunks.flatMap(({ receivedMs, commands = [], forget = [], readings = [] }): Chunk[] => [
          ...commands.map((command) => ({ receivedMs, commands: [command] })),
          ...forget.map((device) => ({ receivedMs, forget: [device] })),
          ...readings.map((item) => ({ receivedMs, readings: [item] })),
          { receivedMs },
        ]);
        const [whole, cut] = [run(chunks), run(single)];
        assert.deepEqual(cut.rows, whole.rows);
        assert.deepEqual(windowStage.snapshot(cut.log.state), windowStage.snapshot(whole.log.state));
      }),
    );
  });

  it('gives the same frames for a shuffle within the lateness as for the sorted series', () => {
    const arrival = fc.record({ afterMs: fc.integer({ min: 1, max: 900 }), delayMs: fc.nat(3000), values });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 60 }), profile, (items, window) => {
        let timeMs = T;
        const sorted = items.map(({ afterMs, delayMs, values: measured }) => {
          timeMs += afterMs;
          return { arrivesMs: timeMs + delayMs, device: 't/a', timeMs, values: measured };
        });
        const shuffled = [...sorted].sort((a, b) => a.arrivesMs - b.arrivesMs);
        const frames = (readings: readonly Reading[]) => {
          const command = profileCommand({ ...window, latenessMs: 3000, joinMs: 0 });
          const receivedMs = T + 100_000;
          const { rows } = run([{ receivedMs, commands: [command], readings }, { receivedMs: END }]);
          return rows.filter(({ kind }) => kind !== 'silence');
        };
        assert.deepEqual(frames(shuffled), frames(sorted));
      }),
    );
  });

  it('brings deadlines up by time, then key, but those taken out', () => {
    const move = fc.tuple(fc.nat(9), fc.nat(20));
    fc.assert(
      fc.property(fc.array(move, { maxLength: 100 }), (moves) => {
        const state = new WindowState();
        const devices = Array.from({ length: 10 }, (_, d) => state.addDevice(`t/${d}`));
        const heap = new DeadlineHeap();
        const earliest = new Map<string, number>();
        for (const [d, timeMs] of moves) {
          const device = devices[d]!;
          if (timeMs === 0) {
            heap.remove(device);
            earliest.delete(device.key);
          } else {
            heap.lower(device, timeMs);
            earliest.set(device.key, Math.min(timeMs, earliest.get(device.key) ?? Infinity));
          }
        }
        const order: [string, number][] = [];
        for (let top = heap.top(); top !== undefined; top = heap.top()) {
          order.push([top.key, heap.topTime()]);
          heap.raiseTop(Infinity);
        }
        assert.deepEqual(
          order,
          [...earliest].sort(([a, t], [b, u]) => t - u || (a < b ? -1 : 1)),
        );
      }),
    );
  });
});
