import assert from 'node:assert/strict';
import { compareVersions, runVersion, type RecordedSeries } from '../../../../models/backtest/shadow-run.js';
import { NO_MODELS } from '../../../../models/neural/loaded-models.js';
import { completeProfile } from '../../../../models/profiles/profile.js';
import { SeededRandom } from '../../../../models/simulator/random.js';

const STEP_MS = 60_000;
const FAULT = 500;

/** Noise, and from `FAULT` on forty rows far out. */
function series(): RecordedSeries {
  const random = new SeededRandom(2);
  const rows = 700;
  const isFault = (row: number) => row >= FAULT && row < FAULT + 40;
  return {
    device: 'pump-1',
    channels: ['temp'],
    timesMs: Float64Array.from({ length: rows }, (_, row) => row * STEP_MS),
    values: Float64Array.from({ length: rows }, (_, row) => 20 + random.normal() + (isFault(row) ? 15 : 0)),
  };
}

const run = (partial: object) => runVersion(series(), completeProfile('standard', partial), NO_MODELS);

describe('two versions over the same recording', () => {
  it('agree with themselves', () => {
    const one = run({});
    const { rankAgreement, alerts, rows } = compareVersions(one, one, []);
    assert.ok(Math.abs(rankAgreement - 1) < 1e-9 && rows === 581);
    assert.ok(alerts.champion > 0 && alerts.both === alerts.champion);
  });

  it('are told apart by their alerts', () => {
    const [loud, quiet] = [
      run({}),
      run({ alerting: { openAfter: 5, openWithin: 5 }, detection: { detectors: [{ name: 'missing' }] } }),
    ];
    const { alerts, anomalies } = compareVersions(loud, quiet, []);
    assert.deepEqual([alerts.challenger, alerts.both, anomalies.challenger], [0, 0, 0]);
    assert.ok(anomalies.champion > 0);
  });

  it('are judged by what people said', () => {
    const one = run({});
    const at = (row: number) => row * STEP_MS;
    const { confirmed, rejected } = compareVersions(one, one, [
      { fromMs: at(FAULT), toMs: at(FAULT + 40), verdict: 'anomaly' },
      { fromMs: at(200), toMs: at(201), verdict: 'normal' },
    ]);
    assert.deepEqual(confirmed, { spans: 1, champion: 1, challenger: 1 });
    assert.deepEqual(rejected, { spans: 1, champion: 0, challenger: 0 });
  });

  it('show alerts and scores at the times of the rows', () => {
    const { episodes, line } = run({});
    const [from] = episodes.find(([, to]) => to >= FAULT * STEP_MS)!;
    assert.ok(from >= FAULT * STEP_MS && from <= (FAULT + 5) * STEP_MS);
    assert.equal(line.timeMs[0], 0);
  });
});
