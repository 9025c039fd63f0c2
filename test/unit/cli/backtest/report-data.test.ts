import assert from 'node:assert/strict';
import { reportData, reportPart } from '../../../../cli/backtest/report/report-data.js';
import { reportPage } from '../../../../cli/report-page.js';
import type { JudgedSeries } from '../../../../cli/backtest/judgement.js';
import { dataSetFigures } from '../../../../models/evaluation/data-set-figures.js';

const ROWS = 200;
const line = {
  timeMs: Float64Array.of(0, 1_500),
  value: Float32Array.of(0.5, NaN),
  companions: [Float32Array.of(1, 2)],
};
const picture = { channels: [{ name: 'temp', line }], channelCount: 1, score: line, peak: 1.5, peakMs: 1_500 };

function series(name: string, on: readonly number[], ranges: JudgedSeries['ranges'] = []): JudgedSeries {
  const score = new Float64Array(ROWS);
  return {
    name,
    times: Array.from({ length: ROWS }, (_, row) => String(row)),
    score,
    event: score,
    alert: Uint8Array.from(score, (_, row) => (on.includes(row) ? 1 : 0)),
    ranges,
    scoreFrom: 0,
    vusWindow: 0,
    fault: undefined,
  };
}

const report = (judged: readonly JudgedSeries[], isLabelled: boolean) =>
  reportData('standard', [
    reportPart({ dataset: 'A', isLabelled, ...dataSetFigures('vus', judged) }, judged, () => picture),
  ]);

describe('report data', () => {
  it('puts those first that went wrong', () => {
    const judged = [
      series('right', [50], [[50, 60]]),
      series('missed', [], [[50, 60]]),
      series('two-alarms', [20, 90], []),
    ];
    assert.deepEqual(
      report(judged, true).series.map(({ name }) => name),
      ['two-alarms', 'missed', 'right'],
    );
  });

  it('puts those first that raised most where nothing is labelled', () => {
    const [first] = report([series('calm', []), series('loud', [20])], false).series;
    assert.deepEqual([first!.name, first!.figures], ['loud', undefined]);
  });

  it('tells alerts and labels in seconds', () => {
    const [one] = report([series('a', [20, 21, 22, 90], [[21, 30]])], true).series;
    assert.deepEqual(
      [one!.alerts, one!.labels],
      [
        [
          [20, 22],
          [90, 90],
        ],
        [[21, 30]],
      ],
    );
  });

  it('packs lines as numbers that a page can read', () => {
    const { t, v } = report([series('a', [])], false).series[0]!.score;
    const bytes = (text: string): ArrayBuffer => Uint8Array.from(Buffer.from(text, 'base64')).buffer;
    assert.deepEqual([...new Float64Array(bytes(t))], [0, 1.5]);
    assert.deepEqual([...new Float32Array(bytes(v))], [0.5, NaN]);
  });

  it('becomes a page that no name can break out of', async () => {
    const name = '</script><script>alert(1)</script> $& {{x}}';
    const page = await reportPage('backtest', report([series(name, [])], false));
    const [, text] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)!;
    assert.equal((JSON.parse(text!) as { series: { name: string }[] }).series[0]!.name, name);
  });
});
