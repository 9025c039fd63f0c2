import assert from 'node:assert/strict';
import { FrameKind } from '../../../../../models/domain/frame-batch.js';
import { ReadingBatch } from '../../../../../models/domain/reading-batch.js';
import { windowStage } from '../../../../../models/stages/window.js';
import { profileCommand, rows, WindowLog, type Row } from './window-log.js';

const T = Date.UTC(2026, 0, 1);
const outcomes = (of: readonly Row[]) => of.map(({ kind, outcome }) => `${kind} ${outcome ?? ''}`.trim());
const times = (of: readonly Row[]) => of.map(({ timeMs }) => timeMs - T);

describe('window: outcomes', () => {
  it('makes a frame of a reading in order at once', () => {
    const log = new WindowLog();
    const [frame, ...more] = log.read(T, { temp: 20.5 }, T + 40);
    assert.deepEqual(more, []);
    assert.deepEqual(frame, {
      kind: 'frame',
      device: 't/a',
      timeMs: T,
      receivedMs: T + 40,
      outcome: 'scored',
      stepMs: 0,
      gapSteps: 0,
      profile: 'standard',
      values: { temp: 20.5 },
      imputed: [],
    });
  });

  it('refuses the same reading again as a duplicate', () => {
    const log = new WindowLog();
    log.read(T, { temp: 1, vib: null });
    assert.deepEqual(outcomes(log.read(T, { temp: 1, vib: null })), ['refused duplicate']);
  });

  it('refuses another value for the same time, and keeps the first', () => {
    const log = new WindowLog({ gapPolicy: 'hold' });
    log.read(T, { temp: 1 });
    const [refused] = log.read(T, { temp: 2, vib: 3 });
    assert.equal(refused?.outcome, 'conflict');
    assert.deepEqual(refused.values, { temp: 2, vib: 3 });
    assert.deepEqual(log.read(T + 1, { temp: null })[0]?.values, { temp: 1 });
  });

  it('tells 0 from -0', () => {
    const log = new WindowLog();
    log.read(T, { temp: 0 });
    assert.deepEqual(outcomes(log.read(T, { temp: -0 })), ['refused conflict']);
  });

  it('scores new channels of a time in a further frame', () => {
    const log = new WindowLog({ gapPolicy: 'hold' });
    log.read(T, { temp: 1, vib: null });
    const [frame] = log.read(T, { temp: 1, vib: 2, flow: 3 });
    assert.deepEqual(frame?.values, { temp: 1, vib: 2, flow: 3 });
    assert.deepEqual(frame.imputed, []);
    const [apart] = log.read(T, { load: 4 });
    assert.deepEqual(apart?.values, { temp: 1, vib: 2, flow: 3, load: 4 });
    assert.deepEqual(apart.imputed, ['temp', 'vib', 'flow']);
  });

  it('takes no value for no news, also of a channel it does not know', () => {
    const log = new WindowLog();
    log.read(T, { a: 1 });
    assert.deepEqual(outcomes(log.read(T, { a: 1, b: null })), ['refused duplicate']);
    assert.deepEqual(outcomes(log.read(T, { b: null })), ['refused duplicate']);
    assert.deepEqual(outcomes(log.read(T, { b: 2 })), ['frame scored']);
  });

  it('knows an old reading again: duplicate, conflict, else late', () => {
    const log = new WindowLog();
    for (let k = 0; k < 10; k++) log.read(T + k, { temp: k, vib: 1 });
    assert.deepEqual(outcomes(log.read(T + 3, { vib: 1, temp: 3 }, T + 10)), ['refused duplicate']);
    assert.deepEqual(outcomes(log.read(T + 3, { temp: 4, vib: 1 }, T + 10)), ['refused conflict']);
    assert.deepEqual(outcomes(log.read(T + 3, { flow: 4 }, T + 10)), ['refused late']);
    assert.deepEqual(outcomes(log.read(T - 3, { temp: 4 }, T + 10)), ['refused late']);
  });

  it('remembers the last 32 used readings', () => {
    const log = new WindowLog();
    for (let k = 0; k < 33; k++) log.read(T + k, { temp: k });
    assert.deepEqual(outcomes(log.read(T + 1, { temp: 1 }, T + 40)), ['refused duplicate']);
    assert.deepEqual(outcomes(log.read(T, { temp: 0 }, T + 40)), ['refused late']);
  });

  it('quarantines readings from the future without moving the watermark', () => {
    const log = new WindowLog();
    log.read(T, { temp: 1 });
    assert.deepEqual(outcomes(log.read(T + 300_002, { temp: 9 }, T + 1)), ['refused future']);
    assert.deepEqual(outcomes(log.read(T + 1, { temp: 2 })), ['frame scored']);
    assert.deepEqual(outcomes(log.read(T + 300_001, { temp: 2 }, T + 1)), ['frame scored']);
  });

  it('judges the future by the latest arrival, not by a chunk from a clock turned back', () => {
    const log = new WindowLog();
    log.read(T, { temp: 1 });
    assert.deepEqual(outcomes(log.read(T + 1000, { temp: 1 }, T - 3_600_000)), ['frame scored']);
  });

  it('calls a time that is no number invalid', () => {
    const log = new WindowLog();
    assert.deepEqual(outcomes(log.read(NaN, { temp: 1 }, T)), ['refused invalid']);
    assert.deepEqual(outcomes(log.read(-Infinity, { temp: 1 }, T)), ['refused invalid']);
  });

  it('keeps devices apart', () => {
    const log = new WindowLog();
    log.feed({ receivedMs: T, readings: [{ device: 't/b', timeMs: T + 200_000, values: { x: 1 } }] });
    assert.deepEqual(outcomes(log.read(T, { x: 1 })), ['frame scored']);
    assert.equal(windowStage.deviceCount(log.state), 2);
  });
});

describe('window: channels', () => {
  it('keeps a vanished channel and appends one that appears', () => {
    const log = new WindowLog();
    log.read(T, { a: 1, b: 2 });
    const [frame] = log.read(T + 1, { c: 3, b: 4 });
    assert.deepEqual(Object.entries(frame!.values!), [
      ['a', null],
      ['b', 4],
      ['c', 3],
    ]);
    assert.deepEqual(frame!.imputed, ['a']);
  });

  it('drops channels beyond maxChannels and counts their values', () => {
    const log = new WindowLog({ maxChannels: 2 });
    const [frame] = log.read(T, { a: 1, b: 2, c: 3 });
    assert.deepEqual(frame?.values, { a: 1, b: 2 });
    log.read(T + 1, { d: 3 });
    assert.equal(log.state.droppedValues, 2);
    log.reload();
    assert.equal(log.state.droppedValues, 2);
    assert.deepEqual(outcomes(log.read(T + 1, { d: 3 })), ['refused duplicate']);
  });

  it('takes a channel named twice without harm', () => {
    const batch = ReadingBatch.create();
    batch.receivedMs = T;
    batch.addReading('t/a', T, ['x', 'x'], [1, 2]);
    const out = windowStage.createOutput();
    windowStage.step(windowStage.createState(), batch, 0, out);
    assert.deepEqual(rows(out)[0]?.values, { x: 2 });
  });

  it('reads a batch that is cleared and filled again', () => {
    const state = windowStage.createState();
    const out = windowStage.createOutput();
    const batch = ReadingBatch.create();
    batch.receivedMs = T;
    batch.addReading('t/a', T, ['x'], [1]);
    windowStage.step(state, batch, 0, out);
    batch.clear();
    batch.addReading('t/b', T, ['y'], [2]);
    windowStage.step(state, batch, 0, out);
    assert.deepEqual(
      rows(out).map(({ device, values }) => [device, values]),
      [
        ['t/a', { x: 1 }],
        ['t/b', { y: 2 }],
      ],
    );
  });
});

describe('window: commands', () => {
  it('passes every command on, and follows a new profile from there', () => {
    const log = new WindowLog();
    const command = profileCommand({ gapPolicy: 'hold' }, 'pumps', ['pump-*']);
    const [passed] = log.feed({ receivedMs: T, commands: [command] });
    assert.deepEqual(passed, {
      kind: 'command',
      device: '',
      timeMs: T,
      receivedMs: T,
      command: JSON.stringify(command),
    });
    const [frame] = log.feed({ receivedMs: T, readings: [{ device: 't/pump-1', timeMs: T, values: { x: 1 } }] });
    assert.equal(frame?.profile, 'pumps');
    assert.equal(log.read(T, { x: 1 })[0]?.profile, 'standard');
  });

  for (const text of [
    'null',
    '7',
    '[]',
    '"text"',
    '{}',
    '{"type":"alert.explode"}',
    '{"type":"profile.activate"}',
    '{"type":"profile.activate","profile":"../x","definition":{}}',
    '{"type":"profile.activate","profile":"standard","definition":{"window":{"stepMs":-1}}}',
    '{"type":"profile.activate","profile":"standard","definition":7}',
    '{"type":"profile.activate","profile":"standard","definition":{"window":null}}',
  ]) {
    it(`passes on and otherwise ignores ${text}`, () => {
      const state = windowStage.createState();
      const out = windowStage.createOutput();
      const batch = ReadingBatch.create();
      batch.receivedMs = T;
      batch.addCommand('t/a', T, JSON.parse(text) as never);
      const before = state.profiles.entries();
      windowStage.step(state, batch, 0, out);
      assert.equal(out.kind.data[0], FrameKind.command);
      assert.equal(out.commandText(0), text);
      assert.deepEqual(state.profiles.entries(), before);
    });
  }

  it('lets what waits leave when lateness is switched off', () => {
    const log = new WindowLog({ latenessMs: 60_000 });
    log.read(T, { x: 1 });
    log.feed({ receivedMs: T, commands: [profileCommand({})] });
    assert.deepEqual(times(log.read(T + 1000, { x: 2 })), [0, 1000]);
  });
});

describe('window: log time', () => {
  it('must be finite', () => {
    const log = new WindowLog();
    assert.throws(() => windowStage.advance(log.state, Infinity, windowStage.createOutput()), RangeError);
  });

  it('has nothing to wake for at first', () => {
    assert.equal(windowStage.wakeMs(windowStage.createState()), Infinity);
  });
});
