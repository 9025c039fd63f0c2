import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { FencedError } from '../../models/errors.js';
import type { StreamId } from '../../storage/journal/journal.js';
import { LmdbJournal } from '../../storage/journal/lmdb-journal.js';
import { LmdbEnvironment } from '../../storage/lmdb/lmdb-environment.js';

type Step =
  | { readonly does: 'append'; readonly stream: number; readonly sizes: readonly number[] }
  | { readonly does: 'fenced'; readonly stream: number; readonly expectedLast: number }
  | { readonly does: 'named'; readonly stream: number; readonly name: number }
  | { readonly does: 'trim'; readonly stream: number; readonly to: number }
  | { readonly does: 'reopen' };

interface Model {
  first: number;
  readonly payloads: Uint8Array[];
  readonly names: Map<number, number>;
}

const stream = fc.integer({ min: 0, max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('append' as const),
      stream,
      sizes: fc.array(fc.nat(9_000), { minLength: 1, maxLength: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('fenced' as const), stream, expectedLast: fc.nat(12) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('named' as const), stream, name: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('trim' as const), stream, to: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('reopen' as const) }) },
);
const idOf = (index: number): StreamId => ({ topic: index === 2 ? 'scores' : 'readings', partition: index });

describe('the LMDB journal', () => {
  it('does what a list in memory does, over restarts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const folder = await mkdtemp(join(tmpdir(), 'redshank-journal-'));
        let environment = LmdbEnvironment.open(folder);
        let journal = new LmdbJournal(environment);
        const models = [0, 1, 2].map((): Model => ({ first: 1, payloads: [], names: new Map() }));
        let content = 0;
        const payload = (size: number) => new Uint8Array(size).fill(++content);
        try {
          for (const one of steps) {
            if (one.does === 'reopen') {
              await journal.close();
              await environment.close();
              environment = LmdbEnvironment.open(folder);
              journal = new LmdbJournal(environment);
              continue;
            }
            const model = models[one.stream]!;
            const id = idOf(one.stream);
            if (one.does === 'append') {
              const payloads = one.sizes.map(payload);
              const sequences = await Promise.all(payloads.map((bytes) => journal.append(id, bytes)));
              assert.deepEqual(
                sequences,
                payloads.map((bytes) => model.payloads.push(bytes)),
              );
            } else if (one.does === 'fenced') {
              const { expectedLast } = one;
              const appended = journal.append(id, payload(10), { expectedLast });
              if (expectedLast !== model.payloads.length) await assert.rejects(appended, FencedError);
              else assert.equal(await appended, model.payloads.push(new Uint8Array(10).fill(content)));
            } else if (one.does === 'named') {
              const bytes = payload(20);
              const sequence = await journal.append(id, bytes, { messageId: `m${one.name}` });
              if (!model.names.has(one.name)) model.names.set(one.name, model.payloads.push(bytes));
              assert.equal(sequence, model.names.get(one.name));
            } else {
              await journal.trim(id, one.to);
              model.first = Math.max(model.first, Math.min(one.to, model.payloads.length + 1));
            }
          }
          for (const [index, model] of models.entries()) {
            const id = idOf(index);
            assert.deepEqual(await journal.state(id), { first: model.first, last: model.payloads.length });
            const records = await journal.read(id, model.first).next(1_000, 1e9, 0);
            assert.deepEqual(
              records,
              model.payloads.map((bytes, i) => ({ sequence: i + 1, payload: bytes })).slice(model.first - 1),
            );
          }
        } finally {
          await journal.close();
          await environment.close();
          await rm(folder, { recursive: true });
        }
      }),
      { numRuns: 25 },
    );
  });
});
