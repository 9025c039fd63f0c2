import assert from 'node:assert/strict';
import { WindowLog, type Row } from './window-log.js';

const T = Date.UTC(2026, 0, 1);
const outcomes = (of: readonly Row[]) => of.map(({ kind, outcome }) => `${kind} ${outcome ?? ''}`.trim());
const times = (of: readonly Row[]) => of.map(({ timeMs }) => timeMs - T);

describe('window: interval and gaps', () => {
  it('learns the interval from three', () => {
    const log = new WindowLog();
    assert.equal(log.steady(T, 1000, 3)[0]?.stepMs, 0);
    assert.equal(log.read(T + 3000, { x: 1 })[0]?.stepMs, 1000);
  });

  it('follows a change of rate within 15 steps', () => {
    const log = new WindowLog();
    log.steady(T, 1000, 100);
    assert.equal(log.steady(T + 104_000, 5000, 13)[0]?.stepMs, 5000);
  });

  it('sees no interval and no gaps in irregular sampling', () => {
    const log = new WindowLog();
    let timeMs = T;
    for (const seconds of [1, 40, 3, 15, 90, 2, 60, 7, 33, 5, 21, 80, 4, 11, 70]) {
      timeMs += seconds * 1000;
      log.read(timeMs, { x: 1 });
    }
    const frame = log.read(timeMs + 3_600_000, { x: 1 }).at(-1);
    assert.deepEqual([frame?.kind, frame?.stepMs, frame?.gapSteps], ['frame', 0, 0]);
  });

  it('counts missing steps', () => {
    const log = new WindowLog();
    log.steady(T, 1000, 10);
    assert.deepEqual(
      log.read(T + 13_100, { x: 1 }).map(({ gapSteps, stepMs }) => [gapSteps, stepMs]),
      [[3, 1000]],
    );
  });

  it('fills a gap with the last value', () => {
    const log = new WindowLog({ gapPolicy: 'hold' });
    log.steady(T, 1000, 10);
    const result = log.read(T + 12_000, { x: 0 });
    assert.deepEqual(outcomes(result), ['frame filled', 'frame filled', 'frame scored']);
    assert.deepEqual(times(result), [10_000, 11_000, 12_000]);
    assert.deepEqual(
      result.map(({ values, gapSteps }) => [values, gapSteps]),
      [
        [{ x: 9 }, 0],
        [{ x: 9 }, 0],
        [{ x: 0 }, 0],
      ],
    );
  });

  it('fills a gap with a line, whole milliseconds apart', () => {
    const log = new WindowLog({ gapPolicy: 'linear', stepMs: 1000 });
    log.read(T, { x: 0, y: 5 });
    const result = log.read(T + 3001, { x: 3, z: 1 });
    assert.deepEqual(times(result), [1000, 2001, 3001]);
    assert.deepEqual(
      result.map(({ values }) => values),
      [
        { x: 1, y: 5, z: null },
        { x: 2, y: 5, z: null },
        { x: 3, y: 5, z: 1 },
      ],
    );
    assert.deepEqual(result[0]?.imputed, ['x', 'y', 'z']);
    assert.deepEqual(result[2]?.imputed, ['y']);
  });

  it('only counts a gap that is too long to fill', () => {
    const log = new WindowLog({ gapPolicy: 'hold', stepMs: 1000, maxFilledSteps: 2 });
    log.read(T, { x: 1 });
    assert.deepEqual(
      log.read(T + 4000, { x: 2 }).map(({ gapSteps }) => gapSteps),
      [3],
    );
  });

  it('counts a gap of two hundred years without filling memory', () => {
    const log = new WindowLog({ stepMs: 1 });
    log.read(-6e12, { x: 1 }, T);
    assert.equal(log.read(T, { x: 1 })[0]?.gapSteps, T + 6e12 - 1);
  });
});
