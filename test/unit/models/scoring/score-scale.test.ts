import assert from 'node:assert/strict';
import { lastingSign, onsetSign, raritySign, strengthSign } from '../../../../models/scoring/alarm-signs.js';
import { stepLasting } from '../../../../models/scoring/lasting.js';
import { ALARM_ONSET, ALARM_STRENGTH, eventOf, scoreOf } from '../../../../models/scoring/score-scale.js';
import { LEAST_VOTE, voteOf } from '../../../../models/scoring/strength.js';

describe('scores', () => {
  it('are 0 where all is ordinary, 0.5 at the alarm, and below 1', () => {
    assert.equal(scoreOf(LEAST_VOTE), 0);
    assert.equal(scoreOf(ALARM_STRENGTH), 0.5);
    assert.ok(scoreOf(1e9) < 1);
    assert.equal(scoreOf(-1e9), 0);
    assert.equal(eventOf(ALARM_ONSET), 0.5);
  });

  it('count a factor alike wherever it lies: votes are logarithms with bounds', () => {
    assert.ok(Math.abs(voteOf(10) - voteOf(5) - Math.LN2) < 1e-2);
    assert.deepEqual([voteOf(NaN), voteOf(0), voteOf(1e9)], [LEAST_VOTE, LEAST_VOTE, 4]);
  });

  it('are signs of an alarm from 0 on', () => {
    assert.deepEqual(
      [strengthSign(ALARM_STRENGTH), lastingSign(0.8), onsetSign(ALARM_ONSET), raritySign(0)],
      [0, 0, 0, 0],
    );
  });

  it('last when the votes stay up, and not for one frame', () => {
    const state = new Float64Array(1);
    assert.ok(stepLasting(state, 0, 4) < 0.8);
    for (let i = 0; i < 20; i++) stepLasting(state, 0, 1.5);
    assert.ok(stepLasting(state, 0, 1.5) > 0.8);
  });
});
