import assert from 'node:assert/strict';
import { FrameBatch, FrameKind } from '../../../../models/domain/frame-batch.js';
import { OutcomeCode } from '../../../../models/domain/outcome.js';
import { alertingStage } from '../../../../models/stages/alerting.js';
import { scoringStage } from '../../../../models/stages/scoring.js';
import { calm, play, scoreBatch, scores, type ScoreLine } from './alerting-fixture.js';
import { WindowLog } from './window/window-log.js';
import { AlertBatch } from '../../../../models/domain/alert.js';

const T = Date.UTC(2026, 0, 1);

describe('a device that is forgotten', () => {
  it('first gets the outcomes of what waits, then the window stage knows nothing of it', () => {
    const log = new WindowLog({ latenessMs: 1_000 });
    log.read(T, { x: 0 });
    log.read(T + 500, { x: 1 });
    const rows = log.feed({ receivedMs: T + 600, forget: ['t/a'] });
    assert.deepEqual(
      rows.map(({ kind }) => kind),
      ['frame', 'frame', 'command'],
    );
    assert.equal(log.state.devices.size, 0);
    assert.equal(log.wakeMs(), Infinity);
    log.read(T, { x: 7 }, T + 700);
    assert.deepEqual(
      log.tick(T + 5_000).map(({ outcome, stepMs }) => [outcome, stepMs]),
      [['scored', 0]],
    );
  });

  it('is unknown to the scorer, and its neighbours are not', () => {
    const state = scoringStage.createState();
    const out = scoringStage.createOutput();
    const batch = FrameBatch.create();
    for (const device of ['t/a', 't/b']) {
      batch.add(FrameKind.frame, OutcomeCode.scored, device, T, T, 1_000, 0, 'standard', ['x']);
    }
    batch.addCommand('t/a', T, T, JSON.stringify({ type: 'device.forget', by: 'ops' }));
    for (let i = 0; i < batch.length; i++) scoringStage.step(state, batch, i, out);
    assert.deepEqual([...state.devices.keys()], ['t/b']);
    assert.equal(out.length, 3);
  });

  const forget: ScoreLine = { at: 12_000, kind: 'command', command: { type: 'device.forget', by: 'ops' } };

  it('has no alerts, neither open nor resolved ones', () => {
    const state = alertingStage.createState();
    play([...scores(0, 0.9), ...calm(1, 10), ...scores(11, 0.9)], state);
    const out = AlertBatch.create();
    alertingStage.step(state, scoreBatch([forget]), 0, out);
    assert.deepEqual(out.records, [{ change: 'forgotten', tenant: 'default', device: 'pump-7' }]);
    assert.equal(state.devices.size, 0);
    assert.deepEqual(state.resolved.list(), []);
  });

  it('is told of also where alerting knows nothing of it: others may', () => {
    const out = AlertBatch.create();
    alertingStage.step(alertingStage.createState(), scoreBatch([forget]), 0, out);
    assert.equal(out.length, 1);
    assert.deepEqual(AlertBatch.decode(out.encode({ epoch: 0, from: 0, to: 0, timeMs: 0 })).records, out.records);
  });
});
