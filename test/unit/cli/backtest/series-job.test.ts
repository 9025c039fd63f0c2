import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runSeriesJob } from '../../../../cli/backtest/series-job.js';
import { temporaryFolder } from '../../../support/temporary-folder.js';

const STEP_SEC = 60;
const csv = (from: number, to: number): string =>
  `timestamp,value\n${Array.from({ length: to - from }, (_, i) => `${(from + i) * STEP_SEC},${(from + i) % 7}\n`).join('')}`;

describe('series job', () => {
  const folder = temporaryFolder();
  const silent = (): void => undefined;

  it('leaves out first rows as if the series had begun later', async () => {
    const root = folder();
    const [whole, later] = [join(root, 'whole.csv'), join(root, 'later.csv')];
    await writeFile(whole, csv(0, 400));
    await writeFile(later, csv(3, 400));
    const job = { id: 'A/a', trainPath: undefined, profile: undefined };
    const dropped = { ...job, path: whole, outPath: join(root, 'out', '1.csv'), dropRows: 3 };
    const { rows } = await runSeriesJob(dropped, silent);
    await runSeriesJob({ ...job, path: later, outPath: join(root, 'out', '2.csv') }, silent);
    assert.equal(rows, 397);
    assert.equal(
      await readFile(join(root, 'out', '1.csv'), 'utf8'),
      await readFile(join(root, 'out', '2.csv'), 'utf8'),
    );
  });

  it('shows none of the training file in its picture', async () => {
    const root = folder();
    await writeFile(join(root, 'train.csv'), csv(0, 300));
    await writeFile(join(root, 'a.csv'), csv(300, 400));
    const job = { id: 'A/a', path: join(root, 'a.csv'), trainPath: join(root, 'train.csv'), profile: undefined };
    const { picture } = await runSeriesJob({ ...job, outPath: join(root, 'out.csv'), withPicture: true }, silent);
    assert.equal(picture!.score.timeMs[0], 300 * STEP_SEC * 1_000);
    assert.equal(picture!.score.timeMs.length, 100);
  });
});
