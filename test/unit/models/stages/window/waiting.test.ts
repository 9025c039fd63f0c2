import assert from 'node:assert/strict';
import { WindowLog, type Row } from './window-log.js';

const T = Date.UTC(2026, 0, 1);
const outcomes = (of: readonly Row[]) => of.map(({ kind, outcome }) => `${kind} ${outcome ?? ''}`.trim());
const times = (of: readonly Row[]) => of.map(({ timeMs }) => timeMs - T);

describe('window: lateness', () => {
  it('puts overtaken readings in order', () => {
    const log = new WindowLog({ latenessMs: 1000 });
    assert.deepEqual(log.read(T, { x: 0 }), []);
    assert.deepEqual(log.read(T + 900, { x: 2 }), []);
    assert.deepEqual(times(log.read(T + 500, { x: 1 }, T + 910)), []);
    assert.deepEqual(times(log.read(T + 1600, { x: 3 })), [0, 500]);
  });

  it('refuses what is older than the watermark', () => {
    const log = new WindowLog({ latenessMs: 1000 });
    log.read(T, { x: 0 });
    log.read(T + 5000, { x: 1 });
    assert.deepEqual(outcomes(log.read(T + 3999, { x: 2 }, T + 5000)), ['refused late']);
    assert.deepEqual(outcomes(log.read(T + 4000, { x: 2 }, T + 5000)), ['frame scored']);
  });

  it('lets a device that stops go after the same time on the log', () => {
    const log = new WindowLog({ latenessMs: 1000 });
    log.read(T + 500, { x: 1 }, T + 500);
    log.read(T, { x: 0 }, T + 600);
    assert.equal(log.wakeMs(), T + 1500);
    assert.deepEqual(log.tick(T + 1499), []);
    assert.deepEqual(times(log.tick(T + 1500)), [0, 500]);
    assert.equal(log.wakeMs(), Infinity);
  });

  it('holds at most 1,024 readings a device', () => {
    const log = new WindowLog({ latenessMs: 86_400_000 });
    for (let k = 0; k < 1024; k++) assert.deepEqual(log.read(T + k, { x: k }, T + 2000), []);
    assert.deepEqual(times(log.read(T + 1024, { x: 1 }, T + 2000)), [0]);
  });

  it('names duplicates and conflicts when they leave', () => {
    const log = new WindowLog({ latenessMs: 1000 });
    log.read(T, { x: 0 });
    log.read(T, { x: 0 }, T + 1);
    log.read(T, { x: 1 }, T + 2);
    assert.deepEqual(outcomes(log.tick(T + 5000)), ['frame scored', 'refused duplicate', 'refused conflict']);
  });
});

describe('window: join', () => {
  const joined = () => {
    const log = new WindowLog({ joinMs: 500 });
    log.read(T, { a: 0 });
    log.read(T, { b: 0 }, T + 10);
    log.tick(T + 600);
    return log;
  };

  it('waits on the first step for channels that it cannot know yet', () => {
    const log = new WindowLog({ joinMs: 500 });
    log.read(T, { a: 0 });
    log.read(T, { b: 0 }, T + 10);
    assert.deepEqual(outcomes(log.tick(T + 500)), ['frame scored', 'refused scored']);
  });

  it('makes one frame of a step as soon as it is complete', () => {
    const log = joined();
    assert.deepEqual(log.read(T + 1000, { b: 2 }, T + 1000), []);
    const result = log.read(T + 1000, { a: 1 }, T + 1020);
    assert.deepEqual(outcomes(result), ['frame scored', 'refused scored']);
    assert.deepEqual([result[0]?.values, result[0]?.imputed, result[0]?.receivedMs], [{ a: 1, b: 2 }, [], T + 1020]);
    assert.deepEqual(result[1]?.values, { a: 1 });
  });

  it('stops waiting after joinMs, and later steps wait for their turn', () => {
    const log = joined();
    log.read(T + 1000, { a: 1 }, T + 1000);
    log.read(T + 1100, { a: 2 }, T + 1100);
    assert.deepEqual(log.read(T + 1100, { b: 2 }, T + 1100), []);
    assert.equal(log.wakeMs(), T + 1500);
    assert.deepEqual(times(log.tick(T + 1500)), [1000, 1100, 1100]);
  });

  it('takes a channel of a step that waits, though the next step has begun', () => {
    const log = joined();
    log.read(T + 1000, { a: 1 }, T + 1000);
    log.read(T + 1100, { a: 2 }, T + 1100);
    assert.deepEqual(outcomes(log.read(T + 1000, { b: 1 }, T + 1110)), ['frame scored', 'refused scored']);
  });

  it('does not wait for a channel that vanished', () => {
    const log = joined();
    for (let k = 1; k <= 8; k++) {
      log.read(T + 1000 * k, { a: k });
      log.tick(T + 1000 * k + 500);
    }
    assert.deepEqual(outcomes(log.read(T + 9000, { a: 9 })), ['frame scored']);
  });

  it('gives a contradiction in a step its outcome', () => {
    const log = joined();
    log.read(T + 1000, { a: 1 });
    log.read(T + 1000, { a: 2 });
    assert.deepEqual(outcomes(log.read(T + 1000, { b: 1 })), ['frame scored', 'refused conflict', 'refused scored']);
  });
});
