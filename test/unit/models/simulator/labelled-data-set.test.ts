import assert from 'node:assert/strict';
import type { Fault } from '../../../../models/simulator/fault.js';
import { labelledDataSet, type LabelledDataSetOptions } from '../../../../models/simulator/labelled-data-set.js';

const START_MS = Date.UTC(2026, 0, 5);
const options: LabelledDataSetOptions = {
  name: 'SIM',
  seed: 5,
  devices: [
    { id: 'meter-a', kind: 'meter' },
    { id: 'pump-b', kind: 'pump' },
  ],
  intervalMs: 60_000,
  startMs: START_MS,
  endMs: START_MS + 86_400_000,
  jitter: 0,
  missing: 0,
};

function fault(kind: Fault['kind'], fromMin: number, toMin: number, more: Partial<Fault> = {}): Fault {
  const [startMs, endMs] = [START_MS + fromMin * 60_000, START_MS + toMin * 60_000];
  return { kind, device: 'meter-a', channel: 'kW', startMs, endMs, ...more };
}

function meter(...faults: Fault[]) {
  const { files, labels } = labelledDataSet({ ...options, faults });
  const rows = files[0]!.text.trimEnd().split('\n').slice(1);
  return { rows, series: labels.series['meter-a.csv']! };
}

describe('labelledDataSet', () => {
  it('writes a file a device: header, then a row a reading', () => {
    const { files, labels } = labelledDataSet(options);
    assert.deepEqual(
      files.map(({ path }) => path),
      ['meter-a.csv', 'pump-b.csv'],
    );
    const lines = files[1]!.text.split('\n');
    assert.equal(lines[0], 'timestamp,temp,vib,pressure');
    assert.match(lines[1]!, /^2026-01-05 00:00:\d\d,[\d.]+,[\d.]+,[\d.]+$/);
    assert.equal(lines.length, 1_442);
    assert.equal(lines.at(-1), '');
    assert.equal(labels.series['pump-b.csv']!.rows, 1_440);
    assert.equal(labels.series['pump-b.csv']!.features, 3);
    assert.equal(labels.series['pump-b.csv']!.periodSeconds, 60);
    assert.deepEqual(labels.series['pump-b.csv']!.ranges, []);
    assert.equal(labels.features, 3);
  });

  it('labels the rows that a fault touches', () => {
    const { rows, series } = meter(fault('level-shift', 100, 110));
    assert.deepEqual(series.ranges, [[100, 109]]);
    assert.deepEqual(series.windows, [[rows[100]!.slice(0, 19), rows[109]!.slice(0, 19)]]);
    assert.equal(series.anomalyRatio, Number((10 / 1_440).toFixed(5)));
    assert.equal(series.faults.length, 1);
  });

  it('makes one range of faults that overlap or touch', () => {
    const faults = [
      fault('drift', 100, 110),
      fault('noise', 105, 120),
      fault('spike', 120, 122),
      fault('noise', 200, 210),
    ];
    assert.deepEqual(meter(...faults).series.ranges, [
      [100, 121],
      [200, 209],
    ]);
  });

  it('labels a silence at the first row after it', () => {
    const { rows, series } = meter(fault('silence', 100, 130));
    assert.equal(rows.length, 1_410);
    assert.deepEqual(series.ranges, [[100, 100]]);
  });

  it('keeps a clock jump in the timestamps and labels its rows', () => {
    const { rows, series } = meter(fault('clock-jump', 600, 610, { offsetMs: -3_600_000 }));
    assert.deepEqual(series.ranges, [[600, 609]]);
    assert.match(rows[600]!, /^2026-01-05 09:00:/);
  });

  it('leaves missing values empty', () => {
    const { files } = labelledDataSet({ ...options, missing: 0.05 });
    assert.match(files[0]!.text, /\d\d:\d\d:\d\d,,\d/);
  });

  it('passes over faults that begin after the end', () => {
    const { labels } = labelledDataSet({ ...options, faults: [fault('spike', 2_000, 2_010)] });
    assert.deepEqual(labels.series['meter-a.csv']!.ranges, []);
  });

  it('refuses names that are no file names, and times finer than its timestamps', () => {
    const bad = { ...options, name: '../x', intervalMs: 1_500, startMs: 1, endMs: 0 };
    assert.throws(() => labelledDataSet(bad), /^SettingInvalidError: 4 bad/);
    assert.throws(
      () => labelledDataSet({ ...options, devices: [{ id: 'a/b', kind: 'pump' }] }),
      /in a data set, got a\/b/,
    );
  });
});
