import assert from 'node:assert/strict';
import { SeriesRun } from '../../models/backtest/series-run.js';
import { RedshankProcess } from '../support/redshank-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const START_MS = Date.UTC(2026, 0, 5);
const ROWS = 600;
const STEP_MS = 60_000;
/** Posts of uneven size: how readings are cut must not matter. */
const POST_SIZES = [1, 7, 64, 3, 200];

interface Row {
  readonly ts: number;
  readonly values: Readonly<Record<string, number>>;
}

interface Scored {
  readonly score: number;
  readonly event: number;
}

describe('the running system and a backtest', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();

  it('give the same scores for the same readings', async () => {
    const rows = strangeRows();
    const redshank = await RedshankProcess.start({ dataDir: folder() });
    try {
      for (let from = 0, k = 0; from < ROWS; k++) {
        const size = POST_SIZES[k % POST_SIZES.length]!;
        const readings = rows.slice(from, from + size).map((row) => ({ device: 'pump-1', ...row }));
        const answer = await fetch(`${redshank.url}/v1/readings`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ readings }),
        });
        assert.equal(answer.status, 202, await answer.text());
        from += size;
      }
      let scores: readonly Scored[] = [];
      await until('all scores', async () => {
        const answer = await fetch(`${redshank.url}/v1/devices/pump-1/scores?from=0&limit=${ROWS}`);
        ({ scores } = (await answer.json()) as { scores: Scored[] });
        return scores.length === ROWS;
      });
      const expected = backtest(rows);
      assert.deepEqual(
        scores.map(({ score, event }) => ({ score, event })),
        expected,
      );
      assert.ok(Math.max(...expected.map(({ score }) => score)) > 0.5, 'nothing strange was compared');
    } finally {
      await redshank.stop();
    }
  });
});

/** A pump that runs hot for half an hour. */
function strangeRows(): Row[] {
  return Array.from({ length: ROWS }, (_, i) => ({
    ts: START_MS + i * STEP_MS,
    values: {
      temp: 40 + Math.sin(i / 30) + ((i * 7919) % 101) / 500 + (i >= 450 && i < 480 ? 12 : 0),
      vib: 0.3 + ((i * 104729) % 97) / 970,
    },
  }));
}

function backtest(rows: readonly Row[]): Scored[] {
  const run = new SeriesRun({ device: 'pump-1', channels: ['temp', 'vib'] });
  for (const { ts, values } of rows) run.add(ts, Object.values(values));
  run.finish();
  return run.take().map(({ score, event }) => ({ score: asAnswered(score), event: asAnswered(event) }));
}

/** Answers have seven digits: what a 32-bit float holds. */
const asAnswered = (value: number): number => Number(value.toPrecision(7));
