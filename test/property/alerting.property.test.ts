import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AlertBatch, type ChangedAlert } from '../../models/domain/alert.js';
import { alertingStage, type AlertingState } from '../../models/stages/alerting.js';
import { activate, calm, play, scoreBatch, type ScoreLine } from '../unit/models/stages/alerting-fixture.js';

/** A command names the latest alert that its device has, whatever state it is in: see `playAll`. */
interface Act {
  readonly key: string;
  readonly type: 'alert.acknowledge' | 'alert.resolve' | 'alert.feedback';
  readonly verdict: 'anomaly' | 'normal';
}

const key = fc.constantFrom('default/a', 'default/b', 'acme/a');
const at = fc.integer({ min: 0, max: 1_000_000 });
const score: fc.Arbitrary<ScoreLine> = fc.record({
  key,
  at,
  score: fc.constantFrom(0, 0.1, 0.3, 0.45, 0.5, 0.6, 0.9, 1),
  isWarming: fc.constantFrom(false, false, false, true),
  outcome: fc.constantFrom('scored', 'scored', 'scored', 'filled'),
});
const silence: fc.Arbitrary<ScoreLine> = fc.record({ key, at, kind: fc.constant('silence') });
const act: fc.Arbitrary<Act> = fc.record({
  key,
  type: fc.constantFrom('alert.acknowledge', 'alert.resolve', 'alert.feedback'),
  verdict: fc.constantFrom('anomaly', 'normal'),
});
const profile: fc.Arbitrary<ScoreLine> = fc
  .record({
    openAfter: fc.integer({ min: 1, max: 4 }),
    openWithin: fc.constantFrom(1, 3, 32),
    closeAfter: fc.integer({ min: 1, max: 4 }),
  })
  .map((alerting) => activate(alerting));
const stories = fc.array(
  fc.oneof({ weight: 20, arbitrary: score }, { weight: 2, arbitrary: silence }, act, { weight: 1, arbitrary: profile }),
  { maxLength: 150 },
);

const isAct = (step: ScoreLine | Act): step is Act => 'type' in step;

/** Plays a story step by step; `between` may swap the state after each. */
function playAll(story: readonly (ScoreLine | Act)[], between: (state: AlertingState, n: number) => AlertingState) {
  let state = alertingStage.createState();
  const records: ChangedAlert[] = [];
  const latest = new Map<string, string>();
  story.forEach((step, n) => {
    const line = isAct(step) ? commandLine(step, latest.get(step.key) ?? 'al_none') : step;
    for (const record of play([line], state)) {
      records.push(record);
      latest.set(`${record.alert.tenant}/${record.alert.device}`, record.alert.id);
    }
    state = between(state, n);
  });
  return { records, state };
}

function commandLine({ key: device, type, verdict }: Act, alertId: string): ScoreLine {
  return { key: device, at: 5, kind: 'command', command: { type, alertId, by: 'ann', verdict } };
}

const same = (state: AlertingState): AlertingState => state;

describe('alerting, whatever happens', () => {
  it('never has two unresolved alerts of a device: raised and resolved alternate', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const open = new Map<string, string>();
        for (const { change, alert } of playAll(story, same).records) {
          const device = `${alert.tenant}/${alert.device}`;
          if (change === 'raised') {
            assert.equal(open.get(device), undefined);
            open.set(device, alert.id);
          } else if (change !== 'feedback') assert.equal(open.get(device), alert.id);
          if (change === 'resolved') open.delete(device);
          assert.equal(alert.status === 'resolved', open.get(device) !== alert.id);
        }
      }),
    );
  });

  it('never gives an id twice', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const raised = playAll(story, same).records.filter(({ change }) => change === 'raised');
        assert.equal(new Set(raised.map(({ alert }) => alert.id)).size, raised.length);
      }),
    );
  });

  it('resolves every alert once the device is calm for long', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { state } = playAll(story, same);
        for (const device of ['default/a', 'default/b', 'acme/a']) {
          play(
            calm(0, 20).map((line) => ({ ...line, key: device })),
            state,
          );
        }
        assert.ok([...state.devices.values()].every(({ open }) => open === undefined));
      }),
    );
  });

  it('continues identically from a snapshot taken anywhere', () => {
    fc.assert(
      fc.property(stories, fc.integer({ min: 0, max: 150 }), (story, cut) => {
        const straight = playAll(story, same);
        const restored = playAll(story, (state, n) =>
          n === cut ? alertingStage.restore(alertingStage.snapshot(state)) : state,
        );
        assert.deepEqual(restored.records, straight.records);
        assert.deepEqual(alertingStage.snapshot(restored.state), alertingStage.snapshot(straight.state));
      }),
    );
  });

  it('does not depend on how the log is cut into chunks', () => {
    const logs = fc.array(fc.oneof({ weight: 9, arbitrary: score }, silence, profile), { maxLength: 100 });
    fc.assert(
      fc.property(logs, fc.integer({ min: 1, max: 20 }), (lines, chunk) => {
        const whole = playChunks([lines]);
        const pieces = [];
        for (let from = 0; from < lines.length; from += chunk) pieces.push(lines.slice(from, from + chunk));
        assert.deepEqual(playChunks(pieces), whole);
      }),
    );
  });
});

/** Through the bytes that travel, as a host does it. */
function playChunks(chunks: readonly (readonly ScoreLine[])[]) {
  const state = alertingStage.createState();
  const out = AlertBatch.create();
  for (const lines of chunks) {
    const batch = alertingStage.decode(scoreBatch(lines).encode({ epoch: 1, from: 0, to: 1, timeMs: 9 }));
    for (let i = 0; i < batch.length; i++) alertingStage.step(state, batch, i, out);
    alertingStage.advance(state, 9, out);
  }
  return { records: out.changes, snapshot: alertingStage.snapshot(state) };
}
