/** Whether a person who is woken looks at the right channel first. */
import assert from 'node:assert/strict';
import { SeriesRun } from '../../../../models/backtest/series-run.js';
import { ScoreFlag } from '../../../../models/domain/score-batch.js';
import { deviceKind } from '../../../../models/simulator/devices/index.js';
import { createFleet } from '../../../../models/simulator/fleet.js';
import { randomFaults } from '../../../../models/simulator/random-faults.js';
import type { FaultKind } from '../../../../models/simulator/fault.js';
import type { SimulatedReading } from '../../../../models/simulator/simulated-reading.js';

const SEED = 5;
const INTERVAL_MS = 300_000;
const START_MS = Date.UTC(2026, 0, 5);
const DAY_MS = 86_400_000;
const KINDS: readonly FaultKind[] = ['spike', 'drift', 'level-shift', 'flatline', 'noise'];

interface Anomaly {
  readonly timeMs: number;
  readonly score: number;
  /** The channel with the largest contribution. */
  readonly channel: string;
}

function anomaliesOf(id: string, channels: readonly string[], readings: readonly SimulatedReading[]): Anomaly[] {
  const found: Anomaly[] = [];
  const run = new SeriesRun({
    device: id,
    channels,
    watch: (_row, scores, i) => {
      if ((scores.flags.data[i]! & ScoreFlag.anomaly) === 0) return;
      const from = scores.start(i);
      const shares = channels.map((_, c) => scores.contribution.data[from + c]!);
      const channel = channels[shares.indexOf(Math.max(...shares))]!;
      found.push({ timeMs: scores.timeMs.data[i]!, score: scores.score.data[i]!, channel });
    },
  });
  for (const { ts, values } of readings) {
    run.add(
      ts,
      channels.map((channel) => values[channel] ?? NaN),
    );
    run.take();
  }
  run.finish();
  return found;
}

describe('attribution', () => {
  it(`points at the faulty channel at the peak of nine simulated faults in ten (seed ${SEED})`, function () {
    this.timeout(60_000);
    const fleet = createFleet({
      seed: SEED,
      devices: 16,
      intervalMs: INTERVAL_MS,
      startMs: START_MS,
      faults: (devices) =>
        randomFaults({
          seed: SEED,
          devices,
          intervalMs: INTERVAL_MS,
          startMs: START_MS + DAY_MS,
          everyMs: 40 * INTERVAL_MS,
          kinds: KINDS,
        }),
    });
    const readings = new Map<string, SimulatedReading[]>(fleet.devices.map(({ id }) => [id, []]));
    for (const { reading } of fleet.samples(START_MS + 14 * DAY_MS)) readings.get(reading.device)!.push(reading);

    const wrong: string[] = [];
    let found = 0;
    for (const { id, kind } of fleet.devices) {
      const channels = deviceKind(kind)!.channels.map(({ name }) => name);
      if (channels.length === 1) continue;
      const anomalies = anomaliesOf(id, channels, readings.get(id)!);
      for (const { device, channel, fault, startMs, endMs } of fleet.truth) {
        if (device !== id || channel === null) continue;
        const within = anomalies.filter(({ timeMs }) => timeMs >= startMs && timeMs < endMs);
        if (within.length === 0) continue;
        found++;
        const peak = within.reduce((a, b) => (b.score > a.score ? b : a));
        if (peak.channel !== channel) wrong.push(`${id} ${fault} of ${channel}: ${peak.channel}`);
      }
    }
    assert.ok(found >= 50, `only ${found} faults found`);
    assert.ok(wrong.length <= 0.1 * found, `${wrong.length} of ${found}: ${wrong.join('; ')}`);
  });
});
