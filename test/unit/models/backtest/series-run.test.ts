import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SeriesRun, type ScoredRow } from '../../../../models/backtest/series-run.js';
import { completeProfile } from '../../../../models/profiles/profile.js';

const START = Date.UTC(2014, 0, 1);
const STEP = 60_000;

function scored(run: SeriesRun, rows: readonly (readonly [number, number] | undefined)[]): ScoredRow[] {
  const out: ScoredRow[] = [];
  for (const row of rows) {
    if (row === undefined) run.addInvalid();
    else run.add(row[0], [row[1]]);
    out.push(...run.take());
  }
  run.finish();
  out.push(...run.take());
  return out;
}

const series = (count: number): [number, number][] =>
  Array.from({ length: count }, (_, i) => [START + i * STEP, 20 + Math.sin(i / 7) + ((i * 7919) % 13) / 50]);

describe('SeriesRun', () => {
  const create = () => new SeriesRun({ device: 'd', channels: ['value'] });

  it('answers each row of the past at once', () => {
    const run = create();
    for (const [timeMs, value] of series(50)) {
      run.add(timeMs, [value]);
      assert.equal(run.take().length, 1);
    }
  });

  it('opens an alert on an obvious fault and closes it after', () => {
    const rows = series(900).map(([timeMs, value], i): [number, number] => [timeMs, i >= 500 && i < 520 ? 60 : value]);
    const out = scored(create(), rows);
    const alerts = out.map(({ alert }) => alert);
    assert.ok(alerts.slice(500, 520).includes(1), 'no alert within the fault');
    assert.equal(alerts[499], 0);
    assert.equal(alerts.at(-1), 0);
    const before = Math.max(...out.slice(200, 500).map(({ score }) => score));
    assert.ok(Math.max(...out.slice(500, 520).map(({ score }) => score)) > before);
  });

  it('holds the score over rows that are not scored', () => {
    const warm = series(301);
    const [next, strange] = [warm.pop()!, [warm.at(-1)![0] + STEP, 500] as const];
    const rows = [...warm.slice(0, -1), strange, strange, undefined, warm[0]!, [strange[0], 99] as const];
    const out = scored(create(), [...rows, [next[0] + STEP, next[1]]]).slice(299);
    assert.equal(out.length, 6);
    assert.ok(out[0]!.score > 0);
    for (const held of out.slice(1, 5)) assert.deepEqual([held.score, held.event], [out[0]!.score, 0]);
  });

  it('gives a row without any value a score', () => {
    const rows = series(300).map(([timeMs, value], i): [number, number] => [timeMs, i === 250 ? NaN : value]);
    assert.equal(scored(create(), rows).length, 300);
  });

  it('takes a profile', () => {
    const profile = completeProfile('standard', { detection: { warmUpFrames: 10_000 } });
    const rows = series(600).map(([timeMs, value], i): [number, number] => [timeMs, i === 500 ? 500 : value]);
    const out = scored(new SeriesRun({ device: 'd', channels: ['value'], profile }), rows);
    assert.ok(
      out.every(({ alert }) => alert === 0),
      'a device that is warming raises nothing',
    );
  });

  it('has one answer a row, in order, whatever comes', () => {
    const row = fc.option(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 3 })), {
      nil: undefined,
    });
    const profiles = [
      {},
      { window: { latenessMs: 5 * STEP } },
      { window: { joinMs: STEP } },
      { window: { gapPolicy: 'hold' } },
    ];
    fc.assert(
      fc.property(fc.array(row, { maxLength: 60 }), fc.constantFrom(...profiles), (rows, partial) => {
        const profile = completeProfile('standard', partial);
        const run = new SeriesRun({ device: 'd', channels: ['value'], profile });
        const out = scored(
          run,
          rows.map((one) => one && ([START + one[0] * STEP, one[1]] as const)),
        );
        assert.equal(out.length, rows.length);
        assert.ok(out.every(({ score, event }) => score >= 0 && score <= 1 && event >= 0 && event <= 1));
      }),
      { numRuns: 60 },
    );
  });
});
