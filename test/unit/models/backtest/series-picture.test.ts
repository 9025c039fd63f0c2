import assert from 'node:assert/strict';
import { PictureCollector, type SeriesPicture } from '../../../../models/backtest/series-picture.js';
import { SeriesRun } from '../../../../models/backtest/series-run.js';

const STEP_MS = 60_000;

function pictureOf(rows: number, valuesOf: (row: number) => number[], names: readonly string[]): SeriesPicture {
  const collector = new PictureCollector(names);
  const run = new SeriesRun({
    device: 'd',
    channels: names,
    watch: (_row, scores, i) => collector.add(scores, i),
  });
  for (let row = 0; row < rows; row++) run.add(row * STEP_MS, valuesOf(row));
  run.finish();
  return collector.picture();
}

const noise = (row: number): number => ((row * 7_919) % 101) / 101;

describe('series picture', () => {
  it('shows values with their band, and the score with its threshold', () => {
    const { channels, score, channelCount } = pictureOf(300, (row) => [noise(row)], ['temp']);
    const { name, line } = channels[0]!;
    assert.deepEqual([name, channelCount, line.value.length, score.value.length], ['temp', 1, 300, 300]);
    const [expected, lower, upper] = line.companions.map((column) => column.at(-1)!);
    assert.ok(lower! <= expected! && expected! <= upper!);
    assert.ok(score.companions[0]!.at(-1)! > 0);
  });

  it('puts the channel first that was strange, and tells when', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const values = (row: number): number[] => names.map((_, c) => (c === 3 && row === 500 ? 90 : noise(row + 31 * c)));
    const { channels, channelCount, peak, peakMs } = pictureOf(700, values, names);
    assert.deepEqual([channels[0]!.name, channels.length, channelCount], ['d', 3, 5]);
    assert.ok(peak >= 1 && peakMs === 500 * STEP_MS);
  });

  it('shows a value that was not measured as none', () => {
    const { channels } = pictureOf(300, (row) => [row === 200 ? NaN : noise(row), 1], ['temp', 'two']);
    const line = channels.find(({ name }) => name === 'temp')!.line;
    assert.equal(line.value[line.timeMs.indexOf(200 * STEP_MS)], NaN);
  });
});
