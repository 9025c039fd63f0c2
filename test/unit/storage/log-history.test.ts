import assert from 'node:assert/strict';
import { ScoreBatch, ScoreKind } from '../../../models/domain/score-batch.js';
import { StorageFailedError } from '../../../models/errors.js';
import { LmdbJournal } from '../../../storage/journal/lmdb-journal.js';
import { LmdbEnvironment } from '../../../storage/lmdb/lmdb-environment.js';
import { LogHistory } from '../../../storage/read-side/log-history.js';
import type { RowList } from '../../../storage/read-side/row-list.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const STREAM = { topic: 'scores', partition: 0 } as const;
const CHUNKS = 200;

describe('LogHistory', () => {
  const folder = temporaryFolder();
  let environment: LmdbEnvironment;
  let journal: LmdbJournal;
  let looked: number;

  /** Chunk `n` arrives at `10 n` and holds a row of `a` and one of `b`, both of time `10 n`; every 50th is empty. */
  beforeEach(async () => {
    environment = LmdbEnvironment.open(folder());
    journal = new LmdbJournal(environment);
    for (let n = 1; n <= CHUNKS; n++) {
      const batch = ScoreBatch.create();
      for (const device of n % 50 === 0 ? [] : ['default/a', 'default/b']) {
        batch.add(ScoreKind.score, 0, device, 10 * n, 10 * n, 'standard', 'v1', ['temp']);
      }
      await journal.append(STREAM, batch.encode({ epoch: 1, from: 0, to: 0, timeMs: 10 * n }));
    }
    looked = 0;
  });
  afterEach(async () => {
    await journal.close();
    await environment.close();
  });

  const all = (): boolean => true;
  const times = (rows: RowList): number[] => Array.from({ length: rows.length }, (_, i) => rows.timeMs(i));
  const ascending = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, i) => 10 * (from + i)).filter((timeMs) => timeMs % 500 !== 0);

  it('finds the chunk of a time', async () => {
    const history = new LogHistory(journal);
    const range = { from: 1, to: CHUNKS };
    assert.equal(await history.firstAt(0, -Infinity, range), 1);
    assert.equal(await history.firstAt(0, 1_230, range), 123);
    assert.equal(await history.firstAt(0, 1_231, range), 124);
    assert.equal(await history.firstAt(0, 2_001, range), CHUNKS + 1);
  });

  it('gives the rows of one device, in log order', async () => {
    const { rows, to } = await new LogHistory(journal).forwards(0, 'default/b', { from: 45, to: 120 }, all);
    assert.deepEqual(times(rows), ascending(45, 120));
    assert.equal(to, 120);
  });

  it('goes on where it stopped', async () => {
    const history = new LogHistory(journal, { maxChunks: 30 });
    const found: number[] = [];
    let calls = 0;
    for (let from = 1; from <= CHUNKS; calls++) {
      const { rows, to } = await history.forwards(0, 'default/a', { from, to: CHUNKS }, all);
      found.push(...times(rows));
      from = to + 1;
    }
    assert.deepEqual(found, ascending(1, CHUNKS));
    assert.equal(calls, Math.ceil(CHUNKS / 30));
  });

  it('looks at no more bytes than it may, and at one chunk always', async () => {
    const { rows, to } = await new LogHistory(journal, { maxBytes: 1 }).forwards(
      0,
      'default/a',
      { from: 3, to: 9 },
      all,
    );
    assert.deepEqual(times(rows), [30]);
    assert.equal(to, 3);
  });

  it('gives the latest rows from the end back, and not much more', async () => {
    const wanted = (): boolean => ++looked > 0;
    const rows = await new LogHistory(journal).backwards(0, 'default/a', { from: 1, to: CHUNKS }, wanted, 5);
    assert.deepEqual(times(rows).slice(-5), [1_950, 1_960, 1_970, 1_980, 1_990]);
    assert.ok(looked < 70);
    const bounded = new LogHistory(journal, { maxChunks: 10 });
    assert.ok((await bounded.backwards(0, 'default/a', { from: 1, to: CHUNKS }, all, 1_000)).length < 70);
  });

  it('takes of the last chunk the rows that it is told to', async () => {
    const history = new LogHistory(journal);
    const range = { from: 98, to: 99, rowsOfLast: 0 };
    assert.deepEqual(times((await history.forwards(0, 'default/a', range, all)).rows), [980]);
    assert.deepEqual(times(await history.backwards(0, 'default/a', range, all, 10)), [980]);
  });

  it('says so when the log was trimmed meanwhile', async () => {
    await journal.trim(STREAM, 50);
    const history = new LogHistory(journal);
    assert.equal(await history.first(0), 50);
    await assert.rejects(history.forwards(0, 'default/a', { from: 40, to: 60 }, all), StorageFailedError);
  });
});
