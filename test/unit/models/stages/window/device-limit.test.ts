import assert from 'node:assert/strict';
import { FrameBatch, FrameKind } from '../../../../../models/domain/frame-batch.js';
import { OutcomeCode } from '../../../../../models/domain/outcome.js';
import { ActiveProfiles } from '../../../../../models/profiles/active-profiles.js';
import { scoringStage } from '../../../../../models/stages/scoring.js';
import { windowStage, WindowState } from '../../../../../models/stages/window.js';
import { WindowLog, type Row } from './window-log.js';

const T = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const HOUR = 3_600_000;

function limited(): WindowLog {
  const log = new WindowLog();
  log.state = new WindowState(new ActiveProfiles(), 4);
  return log;
}

const read = (log: WindowLog, device: string, timeMs: number): Row[] =>
  log.feed({ receivedMs: timeMs, readings: [{ device: `t/${device}`, timeMs, values: { x: 1 } }] });
const shown = (rows: readonly Row[]) => rows.map(({ kind, device, outcome }) => `${kind} ${device} ${outcome}`);

describe('window: limit of devices', () => {
  it('refuses a new one while all have spoken within a week, and keeps the old', () => {
    const log = limited();
    for (const device of ['a', 'b', 'c', 'd']) read(log, device, T);
    const rows = read(log, 'e', T + 7 * DAY);
    assert.deepEqual(shown(rows), ['refused t/e invalid']);
    assert.deepEqual(rows[0]!.values, { x: 1 });
    assert.deepEqual(shown(read(log, 'a', T + 7 * DAY)), ['frame t/a scored']);
    assert.equal(windowStage.deviceCount(log.state), 4);
  });

  it('forgets the one that was quiet for longest, and looks once an hour', () => {
    const log = limited();
    for (const [k, device] of ['c', 'b', 'd', 'a'].entries()) read(log, device, T + k * 1000);
    const laterMs = T + 8 * DAY;
    assert.deepEqual(shown(read(log, 'e', laterMs)), ['forgotten t/c filled', 'frame t/e scored']);
    assert.deepEqual(shown(read(log, 'f', laterMs + 1)), ['refused t/f invalid']);
    assert.deepEqual(shown(read(log, 'f', laterMs + HOUR)), ['forgotten t/b filled', 'frame t/f scored']);
  });

  it('forgets first who never said anything of use', () => {
    const log = limited();
    for (const device of ['a', 'b', 'c']) read(log, device, T);
    log.feed({ receivedMs: T, readings: [{ device: 't/z', timeMs: T + DAY, values: { x: 1 } }] });
    assert.deepEqual(shown(read(log, 'e', T + 1)), ['forgotten t/z filled', 'frame t/e scored']);
  });

  it('knows a forgotten device no more, also in one chunk, and asks nothing of it', () => {
    const log = limited();
    for (const device of ['a', 'b', 'c', 'd']) log.feed({ receivedMs: T, readings: steady(`t/${device}`) });
    const readings = ['a', 'e', 'a'].map((device) => ({
      device: `t/${device}`,
      timeMs: T + 9 * DAY,
      values: { x: 2 },
    }));
    const rows = log.feed({ receivedMs: T + 9 * DAY, readings: readings.slice(1) });
    assert.deepEqual(shown(rows), ['forgotten t/a filled', 'frame t/e scored', 'refused t/a invalid']);
    assert.ok(!log.state.devices.has('t/a'));
    assert.equal(windowStage.deviceCount(log.state), 4);
  });

  it('takes its deadline along', () => {
    const log = limited();
    log.feed({
      receivedMs: T,
      commands: [
        {
          type: 'profile.activate',
          profile: 'standard',
          version: '',
          definition: { window: { stepMs: 1e8, silentAfterSteps: 10 } },
          by: 'test',
        },
      ],
    });
    for (const [k, device] of ['a', 'b', 'c', 'd'].entries()) read(log, device, T + k * 1000);
    assert.equal(log.wakeMs(), T + 1e9);
    read(log, 'e', T + 8 * DAY);
    assert.equal(log.wakeMs(), T + 1000 + 1e9);
  });

  it('lets the scorer forget, too', () => {
    const scorer = scoringStage.createState();
    const scores = scoringStage.createOutput();
    const frames = FrameBatch.create();
    const at = frames.add(FrameKind.frame, OutcomeCode.scored, 't/a', T, T, 0, 0, 'standard', ['x']);
    frames.values.data[at] = 1;
    frames.add(FrameKind.forgotten, OutcomeCode.filled, 't/a', T, T, 0, 0, 'standard', []);
    scoringStage.step(scorer, frames, 0, scores);
    assert.equal(scoringStage.deviceCount(scorer), 1);
    scoringStage.step(scorer, frames, 1, scores);
    assert.equal(scoringStage.deviceCount(scorer), 0);
    assert.equal(scores.length, 1);
  });

  it('remembers over a restore when it last looked', () => {
    const log = limited();
    for (const device of ['a', 'b', 'c', 'd']) read(log, device, T);
    read(log, 'e', T + DAY);
    const { nextSweepMs } = log.state;
    assert.equal(nextSweepMs, T + DAY + HOUR);
    log.reload();
    assert.equal(log.state.nextSweepMs, nextSweepMs);
  });
});

function steady(device: string) {
  return Array.from({ length: 5 }, (_, k) => ({ device, timeMs: T - 5000 + k * 1000, values: { x: k } }));
}
