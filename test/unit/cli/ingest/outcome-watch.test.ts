import assert from 'node:assert/strict';
import { decidedOf, withoutCopies, type OutcomeCounts } from '../../../../cli/ingest/outcome-watch.js';

const counts = (change: Partial<OutcomeCounts>): OutcomeCounts => ({
  scored: 0,
  duplicate: 0,
  conflict: 0,
  late: 0,
  future: 0,
  filled: 0,
  invalid: 0,
  ...change,
});

describe('withoutCopies', () => {
  it('counts what was sent, where a batch was taken twice', () => {
    const left = withoutCopies(counts({ scored: 60_000, duplicate: 30, late: 20 }), 60_000, 1_000);
    assert.deepEqual([left.scored, decidedOf(left)], [60_000, 60_000]);
  });

  it('leaves outcomes alone where nothing was sent again', () => {
    const all = counts({ scored: 5, duplicate: 3 });
    assert.deepEqual(withoutCopies(all, 5, 0), all);
  });
});
