import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { ScoreBatch, ScoreKind } from '../../models/domain/score-batch.js';
import { LmdbEnvironment } from '../../storage/lmdb/lmdb-environment.js';
import { LmdbReadSide } from '../../storage/read-side/lmdb-read-side.js';

/** Times that come in order, come late, and stand still. */
const time = fc.oneof(fc.integer({ min: -50, max: 400 }), fc.constant(77), fc.constant(300));
const chunk = fc.record({
  times: fc.oneof(
    fc.array(time, { maxLength: 200 }),
    fc.tuple(fc.nat(400), fc.nat(300)).map(([from, count]) => Array.from({ length: count }, (_, i) => from + i)),
    fc.nat(300).map((count) => new Array<number>(count).fill(77)),
  ),
  thenFlushes: fc.boolean(),
});

describe('the history of a device', () => {
  it('is its rows by time, in log order where times are equal, however they came', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(chunk, { maxLength: 10 }),
        time,
        fc.integer({ min: 1, max: 150 }),
        async (chunks, fromMs, limit) => {
          const folder = await mkdtemp(join(tmpdir(), 'redshank-history-'));
          const environment = LmdbEnvironment.open(folder);
          try {
            const readSide = new LmdbReadSide(environment);
            const model: { readonly timeMs: number; readonly number: number }[] = [];
            for (const [i, { times, thenFlushes }] of chunks.entries()) {
              const batch = ScoreBatch.create();
              for (const timeMs of times) {
                batch.add(ScoreKind.score, 0, 'default/pump', timeMs, model.length, 'standard', 'v1', ['temp']);
                model.push({ timeMs, number: model.length });
              }
              await readSide.writeScores(0, i + 1, batch);
              if (thenFlushes) await readSide.flush();
            }
            model.sort((a, b) => a.timeMs - b.timeMs);
            const forward: number[] = [];
            let cursor: string | undefined;
            do {
              const query = { fromMs, limit, ...(cursor === undefined ? {} : { cursor }) };
              const page = await readSide.scores('default', 'pump', query);
              forward.push(...page.batch.receivedMs.view());
              cursor = page.next;
            } while (cursor !== undefined);
            assert.deepEqual(
              forward,
              model.filter((row) => row.timeMs >= fromMs).map((row) => row.number),
            );
            const { batch: latest } = await readSide.scores('default', 'pump', { toMs: fromMs, limit });
            assert.deepEqual(
              Array.from(latest.receivedMs.view()),
              model
                .filter((row) => row.timeMs <= fromMs)
                .slice(-limit)
                .map((row) => row.number),
            );
            await readSide.flush();
            const keptFrom = Math.ceil(model.length / 2);
            const gone = await readSide.expire(keptFrom);
            const { batch: rest } = await readSide.scores('default', 'pump', { limit: 10_000 });
            const left = new Set(rest.receivedMs.view());
            assert.equal(left.size, model.length - gone);
            assert.deepEqual(
              Array.from(rest.receivedMs.view()),
              model.filter((row) => left.has(row.number)).map((row) => row.number),
            );
            assert.ok(model.every((row) => row.number < keptFrom || left.has(row.number)));
            assert.equal(await readSide.expire(model.length), left.size);
          } finally {
            await environment.close();
            await rm(folder, { recursive: true });
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
