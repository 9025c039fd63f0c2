import assert from 'node:assert/strict';
import { AlertSilences, MOST_SILENCES, type AlertSilence } from '../../../../models/domain/alert-silence.js';
import { alertingStage } from '../../../../models/stages/alerting.js';
import { changes, play, scores, type ScoreLine } from './alerting-fixture.js';

const SILENCE: AlertSilence = {
  id: 'si_1',
  tenant: 'default',
  devices: ['pump-*'],
  fromMs: 10_000,
  untilMs: 20_000,
  by: 'ann',
};
const set = (change: Partial<AlertSilence> = {}): ScoreLine => ({
  key: '',
  at: 0,
  kind: 'command',
  command: { type: 'silence.set', by: 'ann', silence: { ...SILENCE, ...change } },
});
const end = (at: number): ScoreLine => ({ key: '', at, kind: 'command', command: { type: 'silence.end', id: 'si_1' } });
const raised = (lines: readonly ScoreLine[]) => play(lines).filter(({ change }) => change === 'raised');

describe('a silence of alerts', () => {
  it('keeps its devices from raising one, until it is over', () => {
    const records = raised([set(), ...scores(8, 0.1, 0.1, ...Array<number>(15).fill(0.9))]);
    assert.deepEqual(
      records.map(({ alert }) => alert.raisedMs),
      [20_000],
    );
  });

  it('holds for no other device, tenant or time', () => {
    const strange = scores(12, 0.9);
    for (const other of [{ devices: ['fan-*'] }, { tenant: 'acme' }, { fromMs: 12_001 }, { untilMs: 12_000 }]) {
      assert.equal(raised([set(other), ...strange]).length, 1, JSON.stringify(other));
    }
    assert.equal(raised([set(), ...strange]).length, 0);
  });

  it('leaves an alert that is open to itself', () => {
    assert.deepEqual(changes(play([set(), ...scores(9, 0.9), ...scores(10, ...Array<number>(10).fill(0.1))])), [
      'raised',
      'resolved',
    ]);
  });

  it('keeps a device that is quiet from raising one', () => {
    const quiet: ScoreLine = { at: 15_000, kind: 'silence' };
    assert.equal(raised([set(), quiet]).length, 0);
    assert.equal(raised([quiet]).length, 1);
  });

  it('ends when it is taken back', () => {
    assert.equal(raised([set(), ...scores(12, 0.9), end(13_000), ...scores(14, 0.9)]).length, 1);
  });

  it('is in the snapshot', () => {
    const state = alertingStage.createState();
    play([set()], state);
    const restored = alertingStage.restore(alertingStage.snapshot(state));
    assert.deepEqual(restored.silences.list(), [SILENCE]);
    assert.equal(play(scores(12, 0.9), restored).length, 0);
  });

  it('is forgotten a day after its end, and there are only so many', () => {
    const silences = new AlertSilences();
    for (let i = 0; i <= MOST_SILENCES; i++) {
      silences.apply({ type: 'silence.set', silence: { ...SILENCE, id: String(i) } } as { type: string }, 0);
    }
    assert.equal(silences.list().length, MOST_SILENCES);
    silences.apply(
      { type: 'silence.set', silence: { ...SILENCE, id: 'new' } } as { type: string },
      20_000 + 86_400_001,
    );
    assert.deepEqual(
      silences.list().map(({ id }) => id),
      ['new'],
    );
  });

  it('that is none changes nothing', () => {
    const silences = new AlertSilences();
    for (const silence of [undefined, null, 'a', {}, { ...SILENCE, devices: [1] }, { ...SILENCE, fromMs: 'x' }]) {
      silences.apply({ type: 'silence.set', silence } as { type: string }, 0);
    }
    assert.deepEqual(silences.list(), []);
  });
});
