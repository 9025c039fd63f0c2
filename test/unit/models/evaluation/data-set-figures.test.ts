import assert from 'node:assert/strict';
import { dataSetFigures } from '../../../../models/evaluation/data-set-figures.js';

const series = (ranges: readonly (readonly [number, number])[]) => {
  const column = Float64Array.from({ length: 400 }, (_, row) => (row >= 200 && row < 210 ? 1 : 0));
  return {
    name: 'a',
    ranges,
    score: column,
    event: column,
    alert: Uint8Array.from(column),
    scoreFrom: 0,
    vusWindow: 0,
    fault: undefined,
  };
};
const keys = (...args: Parameters<typeof dataSetFigures>): string[] =>
  dataSetFigures(...args).figures.map(({ key }) => key);

describe('figures of a data set', () => {
  const common = ['vusPr', 'recallAt1', 'recallAt5', 'recallAt10'];
  const alerts = ['alertRecall', 'falseAlarms'];

  it('are those of its protocol', () => {
    const labelled = [series([[200, 209]])];
    assert.deepEqual(keys('vus', labelled), [...common, ...alerts]);
    assert.deepEqual(keys('nab', labelled), ['nabStandard', 'nabLowFp', 'nabLowFn', ...common, ...alerts]);
    assert.deepEqual(keys('skab', labelled), [...common, 'skabF1', 'skabFar', 'skabMar', ...alerts]);
  });

  it('are the false alarms alone where nothing is labelled', () => {
    assert.deepEqual(keys('nab', [series([])]), ['falseAlarms']);
  });

  it('tell each series too', () => {
    assert.deepEqual(dataSetFigures('vus', [series([[200, 209]]), series([[10, 19]])]).series, [
      { name: 'a', vusPr: 1, windows: 1, found: 1, falseAlarms: 0 },
      { name: 'a', vusPr: 10 / 400, windows: 1, found: 0, falseAlarms: 1 },
    ]);
  });

  it('leave out the rows that are for learning', () => {
    const early = { ...series([[200, 209]]), scoreFrom: 250 };
    assert.deepEqual(dataSetFigures('vus', [early]).series[0], {
      name: 'a',
      vusPr: undefined,
      windows: 0,
      found: 0,
      falseAlarms: 0,
    });
  });
});
