import assert from 'node:assert/strict';
import { ChunkKind, encodeChunk } from '../../../../models/domain/chunk.js';
import { alertingStage } from '../../../../models/stages/alerting.js';
import { activate, calm, changes, play, scores, type ScoreLine } from './alerting-fixture.js';

function command(at: number, type: string, alertId: string, more: object = {}): ScoreLine {
  return { at, kind: 'command', command: { type, alertId, by: 'ann', ...more } };
}

describe('alerting', () => {
  describe('opening', () => {
    it('raises on the first strange score by default', () => {
      const [record] = play(scores(0, 0.1, 0.9));
      assert.equal(record?.change, 'raised');
      assert.equal(record.alert.status, 'open');
      assert.equal(record.alert.tenant, 'default');
      assert.equal(record.alert.device, 'pump-7');
      assert.equal(record.alert.startedMs, 1_000);
      assert.equal(record.alert.raisedMs, 1_000);
      assert.equal(record.alert.peakScore, 0.9);
      assert.equal(record.alert.profile, 'standard');
      assert.equal(record.alert.model, 'model-1');
    });

    it('counts a score at the threshold as strange', () => {
      assert.deepEqual(changes(play(scores(0, 0.5))), ['raised']);
    });

    it('waits for openAfter strange scores within openWithin, and starts at the first of them', () => {
      const lines = [activate({ openAfter: 3, openWithin: 5 }), ...scores(0, 0.9, 0.1, 0.9, 0.1), ...scores(4, 0.9)];
      const records = play(lines);
      assert.deepEqual(changes(records), ['raised']);
      assert.equal(records[0]!.alert.startedMs, 0);
      assert.equal(records[0]!.alert.raisedMs, 4_000);
    });

    it('forgets strange scores that lie further back than openWithin', () => {
      assert.deepEqual(play([activate({ openAfter: 2, openWithin: 3 }), ...scores(0, 0.9, 0.1, 0.1, 0.9, 0.1)]), []);
    });

    it('looks back over 32 scores', () => {
      const lines = [activate({ openAfter: 2, openWithin: 32 }), ...scores(0, 0.9), ...calm(1, 30)];
      assert.deepEqual(changes(play([...lines, ...scores(31, 0.9)])), ['raised']);
      assert.deepEqual(play([...lines, ...calm(31, 1), ...scores(32, 0.9)]), []);
    });

    it('takes an openAfter beyond openWithin as openWithin', () => {
      assert.deepEqual(changes(play([activate({ openAfter: 9, openWithin: 2 }), ...scores(0, 0.9, 0.9)])), ['raised']);
    });

    it('makes one alert of strange scores milliseconds apart', () => {
      assert.deepEqual(changes(play([1, 2, 3].map((at) => ({ at, score: 0.6 })))), ['raised']);
    });

    it('keeps devices and tenants apart', () => {
      const records = play(['a/x', 'a/y', 'b/x'].map((key) => ({ key, at: 1, score: 0.6 })));
      assert.equal(new Set(records.map(({ alert }) => alert.id)).size, 3);
    });

    it('raises nothing while the device warms up', () => {
      assert.deepEqual(play([{ at: 0, score: 1, isWarming: true }]), []);
    });

    it('ignores filled frames and refused readings', () => {
      const state = alertingStage.createState();
      play(scores(0, 0.9), state);
      const filled = calm(1, 20).map((line): ScoreLine => ({ ...line, outcome: 'filled' }));
      const refused = calm(1, 20).map((line): ScoreLine => ({ ...line, kind: 'refused' }));
      assert.deepEqual(play([...filled, ...refused], state), []);
      assert.deepEqual(play([{ at: 0, score: 0.9, outcome: 'filled', key: 'default/other' }], state), []);
    });

    it('treats each device by its profile', () => {
      const lines = [activate({ openAfter: 2 }, 'calm-ones'), { at: 0, score: 0.9, profile: 'calm-ones' }];
      assert.deepEqual(play(lines), []);
      assert.deepEqual(changes(play([...lines, { at: 1, score: 0.9, profile: 'calm-ones' }])), ['raised']);
    });
  });

  describe('closing', () => {
    it('resolves after closeAfter calm scores in a row', () => {
      const records = play([...scores(0, 0.9), ...calm(1, 10)]);
      assert.deepEqual(changes(records), ['raised', 'resolved']);
      assert.equal(records[1]!.alert.status, 'resolved');
      assert.equal(records[1]!.alert.resolvedMs, 10_000);
      assert.equal(records[1]!.alert.lastStrangeMs, 0);
      assert.deepEqual(changes(play([...scores(0, 0.9), ...calm(1, 9)])), ['raised']);
    });

    it('starts again at every score that is not calm, strange or between', () => {
      for (const between of [0.45, 0.51]) {
        const lines = [...scores(0, 0.6), ...calm(1, 9), ...scores(10, between), ...calm(11, 9)];
        assert.deepEqual(changes(play(lines)), ['raised'], String(between));
      }
    });

    it('opens a new alert for a strange score right after a resolve', () => {
      const records = play([...scores(0, 0.9), ...calm(1, 10), ...scores(11, 0.9)]);
      assert.deepEqual(changes(records), ['raised', 'resolved', 'raised']);
      assert.notEqual(records[2]!.alert.id, records[0]!.alert.id);
      assert.equal(records[2]!.alert.startedMs, 11_000);
      assert.equal(records[2]!.alert.resolvedMs, undefined);
    });

    it('tells alerts apart that start at the same event time', () => {
      const records = play([...scores(0, 0.9), ...calm(1, 10), ...scores(0, 0.9)]);
      assert.equal(records[0]!.alert.startedMs, records[2]!.alert.startedMs);
      assert.notEqual(records[0]!.alert.id, records[2]!.alert.id);
    });

    it('resolves what people acknowledged', () => {
      const state = alertingStage.createState();
      const [raised] = play(scores(0, 0.9), state);
      const records = play([command(1, 'alert.acknowledge', raised!.alert.id), ...calm(2, 10)], state);
      assert.deepEqual(changes(records), ['acknowledged', 'resolved']);
    });

    it('resolves while the device warms up again', () => {
      const warming = calm(1, 10).map((line): ScoreLine => ({ ...line, isWarming: true }));
      assert.deepEqual(changes(play([...scores(0, 0.9), ...warming])), ['raised', 'resolved']);
    });
  });

  describe('silence', () => {
    const silence: ScoreLine = { at: 9_000, kind: 'silence' };

    it('raises an alert in any phase, whatever openAfter says', () => {
      for (const isWarming of [true, false]) {
        const records = play([activate({ openAfter: 3 }), { ...silence, isWarming }]);
        assert.deepEqual(changes(records), ['raised']);
        assert.equal(records[0]!.alert.startedMs, 9_000);
        assert.deepEqual(records[0]!.alert.reasons, ['no readings for 12 s, usually one every 1 s']);
      }
    });

    it('belongs to the alert that is open', () => {
      const state = alertingStage.createState();
      play(scores(0, 0.6), state);
      play([silence], state);
      const last = play(calm(10, 10), state).at(-1)!;
      assert.equal(last.change, 'resolved');
      assert.equal(last.alert.lastStrangeMs, 9_000);
      assert.equal(last.alert.peakScore, 1);
    });

    it('ends when readings are back and calm', () => {
      assert.deepEqual(changes(play([silence, ...calm(10, 10)])), ['raised', 'resolved']);
    });

    it('is no alert where the scorer holds it for ordinary', () => {
      assert.deepEqual(play([{ ...silence, score: 0.2 }]), []);
    });
  });

  describe('severity', () => {
    it('is info just over the threshold and a warning when that lasts', () => {
      const records = play(scores(0, ...new Array<number>(100).fill(0.51)));
      assert.deepEqual(changes(records), ['raised', 'escalated']);
      assert.deepEqual(
        records.map(({ alert }) => alert.severity),
        ['info', 'warning'],
      );
    });

    it('is a warning for the strongest score and critical when it lasts', () => {
      const records = play(scores(0, ...new Array<number>(10).fill(1)));
      assert.deepEqual(
        records.map(({ alert }) => [alert.severity, alert.raisedMs, alert.lastStrangeMs]),
        [
          ['warning', 0, 0],
          ['critical', 0, 5_000],
        ],
      );
    });

    it('never falls', () => {
      const records = play([...scores(0, 1, 0.51, 0.51), ...calm(3, 10)]);
      assert.equal(records.at(-1)!.alert.severity, 'warning');
    });
  });

  describe('the peak', () => {
    const lines: ScoreLine[] = [
      { at: 0, score: 0.6, channels: { temp: 1, vib: 0 } },
      { at: 1, score: 0.9, channels: { temp: 0.25, vib: 0.75, fan: 0 } },
      { at: 2, score: 0.7, channels: { temp: 1, vib: 0 } },
    ];

    it('names score, channels and reasons of the strangest score', () => {
      const { alert } = play([...lines, ...calm(3, 10)]).at(-1)!;
      assert.equal(alert.peakScore, 0.9);
      assert.deepEqual(alert.channels, [
        { channel: 'vib', contribution: 0.75 },
        { channel: 'temp', contribution: 0.25 },
      ]);
      assert.deepEqual(alert.reasons, ['temp has not moved for 40 readings']);
    });

    it('is told as it rises, however severe the alert is already', () => {
      const state = alertingStage.createState();
      assert.equal(play(scores(0, ...new Array<number>(20).fill(0.9)), state).at(-1)!.alert.severity, 'critical');
      const [record, ...rest] = play([{ at: 20_000, score: 0.95, channels: { vib: 1 } }, ...scores(21, 0.9)], state);
      assert.deepEqual(rest, []);
      assert.equal(record!.change, 'worsened');
      assert.equal(record!.alert.peakScore, 0.95);
      assert.equal(record!.alert.lastStrangeMs, 20_000);
      assert.deepEqual(record!.alert.channels, [{ channel: 'vib', contribution: 1 }]);
      assert.ok(record!.alert.history.every(({ change }) => change !== 'worsened'));
    });

    it('is told with the next of ten strange scores when it rises by less than 0.01', () => {
      const state = alertingStage.createState();
      play(scores(0, ...new Array<number>(30).fill(0.9)), state);
      const drift = Array.from({ length: 10 }, (_, n) => 0.9001 + n / 10_000);
      const [record, ...rest] = play(scores(30, ...drift), state);
      assert.deepEqual(rest, []);
      assert.equal(record!.alert.peakScore, 0.901);
      assert.deepEqual(play(scores(40, ...new Array<number>(20).fill(0.901)), state), []);
    });

    it('keeps at most ten channels', () => {
      const channels = Object.fromEntries(Array.from({ length: 30 }, (_, c) => [`c${c}`, 1 / 30]));
      assert.equal(play([{ at: 0, score: 0.9, channels }])[0]!.alert.channels.length, 10);
    });
  });

  describe('commands', () => {
    function opened() {
      const state = alertingStage.createState();
      return { state, id: play(scores(0, 0.9), state)[0]!.alert.id };
    }

    it('acknowledge, once', () => {
      const { state, id } = opened();
      const ack = command(5_000, 'alert.acknowledge', id, { note: 'on my way' });
      const [record, ...rest] = play([ack, ack], state);
      assert.deepEqual(rest, []);
      assert.equal(record!.alert.status, 'acknowledged');
      assert.deepEqual(record!.alert.history, [
        { atMs: 0, change: 'raised' },
        { atMs: 5_000, change: 'acknowledged', by: 'ann', note: 'on my way' },
      ]);
    });

    it('resolve, once, and never acknowledge what is resolved', () => {
      const { state, id } = opened();
      const resolve = command(5_000, 'alert.resolve', id);
      const records = play([resolve, resolve, command(6_000, 'alert.acknowledge', id)], state);
      assert.deepEqual(changes(records), ['resolved']);
      assert.equal(records[0]!.alert.resolvedMs, 5_000);
    });

    it('resolve lets the next strange score raise a new alert', () => {
      const { state, id } = opened();
      const records = play([command(1, 'alert.resolve', id), ...scores(2, 0.9)], state);
      assert.deepEqual(changes(records), ['resolved', 'raised']);
      assert.notEqual(records[1]!.alert.id, id);
    });

    it('feedback anomaly is stored and leaves the alert open', () => {
      const { state, id } = opened();
      const feedback = command(1, 'alert.feedback', id, { verdict: 'anomaly' });
      const records = play([feedback, feedback, ...calm(2, 10)], state);
      assert.deepEqual(changes(records), ['feedback', 'resolved']);
      assert.equal(records[1]!.alert.feedback, 'anomaly');
    });

    it('feedback normal is stored and resolves', () => {
      const { state, id } = opened();
      const records = play([command(1, 'alert.feedback', id, { verdict: 'normal' })], state);
      assert.deepEqual(changes(records), ['feedback', 'resolved']);
      assert.equal(records[1]!.alert.feedback, 'normal');
    });

    it('feedback normal quiets the same episode until the device was calm', () => {
      const { state, id } = opened();
      play([command(1, 'alert.feedback', id, { verdict: 'normal' })], state);
      assert.deepEqual(play(scores(2, 0.9, 0.9, 0.1), state), []);
      assert.deepEqual(changes(play(scores(5, 0.9), state)), ['raised']);
    });

    it('feedback normal never quiets for longer than closeAfter scores, nor a silence', () => {
      const { state, id } = opened();
      play([command(1, 'alert.feedback', id, { verdict: 'normal' })], state);
      const silenced = alertingStage.restore(alertingStage.snapshot(state));
      assert.deepEqual(play(scores(2, ...new Array<number>(10).fill(0.9)), state), []);
      assert.deepEqual(changes(play(scores(12, 0.9), state)), ['raised']);
      assert.deepEqual(play(scores(2, 0.9), silenced), []);
      assert.deepEqual(changes(play([{ at: 3_000, kind: 'silence' }], silenced)), ['raised']);
    });

    it('feedback reaches alerts that are resolved already', () => {
      const { state, id } = opened();
      play(calm(1, 10), state);
      const feedback = command(99, 'alert.feedback', id, { verdict: 'normal' });
      const records = play([feedback, feedback], state);
      assert.deepEqual(changes(records), ['feedback']);
      assert.equal(records[0]!.alert.status, 'resolved');
      assert.equal(records[0]!.alert.feedback, 'normal');
    });

    it('feedback reaches the latest eight of a device', () => {
      const state = alertingStage.createState();
      const ids = Array.from({ length: 9 }, (_, n) => {
        const records = play([...scores(n * 100, 0.9), ...calm(n * 100 + 1, 10)], state);
        return records[0]!.alert.id;
      });
      const heard = ids.filter(
        (id) => play([command(0, 'alert.feedback', id, { verdict: 'anomaly' })], state).length > 0,
      );
      assert.deepEqual(heard, ids.slice(1));
    });

    it('leave unknown alerts, foreign devices and unknown words alone', () => {
      const { state, id } = opened();
      const foreign = { ...command(1, 'alert.resolve', id), key: 'default/other' };
      const texts = [
        '',
        '{',
        'null',
        '7',
        '"x"',
        '[]',
        '{"type":"alert.resolve"}',
        '{"type":"alert.explode","alertId":"x"}',
      ];
      const unknown = texts.map((text): ScoreLine => ({ at: 1, kind: 'command', command: text }));
      const badVerdict = command(1, 'alert.feedback', id, { verdict: 'perhaps' });
      const badProfile = activate({ openAfter: -1 });
      const lines = [foreign, ...unknown, badVerdict, badProfile, command(1, 'alert.resolve', 'al_unknown')];
      assert.deepEqual(play(lines, state), []);
    });

    it('cut long notes', () => {
      const { state, id } = opened();
      const [record] = play([command(1, 'alert.resolve', id, { note: 'x'.repeat(100_000) })], state);
      assert.equal(record!.alert.history.at(-1)!.note!.length, 1_000);
    });
  });

  it('keeps the latest 50 changes of an alert', () => {
    const state = alertingStage.createState();
    const { id } = play(scores(0, 0.9), state)[0]!.alert;
    const verdicts = ['anomaly', 'normal'];
    play(calm(1, 10), state);
    const records = play(
      Array.from({ length: 80 }, (_, n) => command(n, 'alert.feedback', id, { verdict: verdicts[n % 2] })),
      state,
    );
    assert.equal(records.at(-1)!.alert.history.length, 50);
    assert.equal(records.at(-1)!.alert.history.at(-1)!.atMs, 79);
  });

  it('gives every replay the same ids', () => {
    const lines = scores(1_767_225_600, 0.9);
    assert.deepEqual(play(lines), play(lines));
    assert.match(play(lines)[0]!.alert.id, /^al_[0-9a-f]{20}$/);
  });

  it('remembers nothing of devices that are calm', () => {
    const state = alertingStage.createState();
    play([activate({ openAfter: 2 }), ...scores(0, 0.9), ...calm(1, 5)], state);
    play([...calm(6, 100), { at: 200, score: 0.1, key: 'default/other' }], state);
    assert.equal(alertingStage.deviceCount(state), 0);
  });

  it('keeps at most 1,000 resolved alerts of a partition', () => {
    const state = alertingStage.createState();
    for (let d = 0; d < 1_100; d++) {
      const key = `default/d${d}`;
      const records = play(
        [...scores(0, 0.9), ...calm(1, 10)].map((line) => ({ ...line, key })),
        state,
      );
      assert.deepEqual(changes(records), ['raised', 'resolved']);
    }
    assert.equal(state.resolved.list().length, 1_000);
    assert.equal(state.resolved.list()[0]!.device, 'd100');
  });

  it('refuses a snapshot of another stage or version', () => {
    const snapshot = (...head: string[]) =>
      encodeChunk({ kind: ChunkKind.snapshot, epoch: 0, from: 0, to: 0, timeMs: 0 }, [head]);
    assert.throws(() => alertingStage.restore(snapshot('window', '1')), {
      type: 'STORAGE_CORRUPT',
      message: 'snapshot must be of alerting, got one of window',
    });
    assert.throws(() => alertingStage.restore(snapshot('alerting', '99')), {
      type: 'STORAGE_CORRUPT',
      message: 'snapshot version must be 1 or 2, got 99',
    });
  });

  it('waits for no deadline', () => {
    assert.equal(alertingStage.wakeMs(alertingStage.createState()), Infinity);
  });
});
