import assert from 'node:assert/strict';
import { OutcomeCode } from '../../../../models/domain/outcome.js';
import { ReasonCode, reasonText, reasonWords } from '../../../../models/domain/reasons.js';
import { ScoreBatch, ScoreKind } from '../../../../models/domain/score-batch.js';

describe('reasons', () => {
  it('say in words what is strange', () => {
    const text = (code: number, a: number, b = 0, lower = NaN, upper = NaN) =>
      reasonText(code, 'temp', a, b, lower, upper);
    assert.equal(text(ReasonCode.value, 35, 20.1, 19.8, 20.4), 'temp is 35.0, usually 19.8 to 20.4');
    assert.equal(text(ReasonCode.value, 35, 20.1), 'temp is 35.0, expected 20.1');
    assert.equal(text(ReasonCode.flat, 40), 'temp has not moved for 40 readings');
    assert.equal(text(ReasonCode.missing, 12), 'no value for temp for 12 steps');
    assert.equal(text(ReasonCode.missing, 1), 'no value for temp for 1 step');
    assert.equal(text(ReasonCode.gap, 3), '3 readings are missing before this one');
    assert.equal(text(ReasonCode.silence, 120_000), 'no readings for 2 min');
    assert.equal(
      text(ReasonCode.silence, 30_000, 1_000),
      'no readings for 30 s, usually one every 1000 ms'.replace('1000 ms', '1 s'),
    );
    assert.equal(text(ReasonCode.season, 12, 18.25), 'temp is 12.00, usually about 18.25 at this time of day');
    assert.equal(text(ReasonCode.level, 21.5, 20), 'temp has moved to about 21.50, from about 20.00');
    assert.equal(text(ReasonCode.pattern, 7), 'unusual combination of values, most of all temp');
    assert.equal(text(200, 7), 'temp is unusual');
    assert.equal(
      text(ReasonCode.together, 0),
      'temp is a little unusual for some time, more than chance would have it',
    );
  });

  it('do not call unusual what is within its band', () => {
    assert.equal(reasonText(ReasonCode.value, 'x', 40.9, 41.5, 40.75, 42), 'x is 40.90, expected 41.50');
  });

  it('write large and small numbers shortly, and no negative zero', () => {
    const text = (a: number, lower: number, upper: number) => reasonText(ReasonCode.value, 'x', a, NaN, lower, upper);
    assert.equal(text(1.23456e12, 1e9, 2e9), 'x is 1235000000000, usually 1000000000 to 2000000000');
    assert.equal(text(0.00002, -0.00001, 0.00001), 'x is 0.00002, usually -0.00001 to 0.00001');
    assert.match(text(-0.000001, 10, 20), /^x is 0\.0,/);
    assert.equal(text(5, 5, 5), 'x is 5.00, usually 5.00');
  });

  it('come from a batch with the band of the channel', () => {
    const batch = ScoreBatch.create();
    const start = batch.add(ScoreKind.score, OutcomeCode.scored, 't/d', 0, 0, 'standard', 'v', ['vib', 'temp']);
    batch.lower.data[start + 1] = 19.8;
    batch.upper.data[start + 1] = 20.4;
    batch.addReason(ReasonCode.value, 1, 35, 20);
    batch.addReason(ReasonCode.flat, 0, 9, 0);
    assert.deepEqual(reasonWords(batch, 0), ['temp is 35.0, usually 19.8 to 20.4', 'vib has not moved for 9 readings']);
  });
});
