import assert from 'node:assert/strict';
import { OutcomeCode } from '../../../../models/domain/outcome.js';
import { ReasonCode } from '../../../../models/domain/reasons.js';
import { Phase, ScoreBatch, ScoreFlag, ScoreKind } from '../../../../models/domain/score-batch.js';
import { scoreView } from '../../../../models/domain/score-view.js';

const T = Date.UTC(2026, 0, 1);

describe('scoreView', () => {
  it('shows a score as JSON for people', () => {
    const batch = ScoreBatch.create();
    const start = batch.add(ScoreKind.score, OutcomeCode.scored, 't/d', T, T, 'standard', 'abc', ['temp', 'vib']);
    batch.score.data[0] = 0.7;
    batch.event.data[0] = 0.1;
    batch.threshold.data[0] = 0.5;
    batch.phase.data[0] = Phase.ready;
    batch.progress.data[0] = 1;
    batch.flags.data[0] = ScoreFlag.anomaly;
    batch.actual.data[start] = 35.123456789;
    batch.expected.data[start] = 20.1;
    batch.lower.data[start] = 19.8;
    batch.upper.data[start] = 20.4;
    batch.contribution.data[start] = 1;
    batch.imputed.data[start + 1] = 1;
    batch.addReason(ReasonCode.missing, 1, 12, 0);
    const view = scoreView(batch, 0);
    assert.deepEqual(JSON.parse(JSON.stringify(view)), {
      ts: '2026-01-01T00:00:00.000Z',
      score: 0.7,
      threshold: 0.5,
      isAnomaly: true,
      phase: 'ready',
      progress: 1,
      outcome: 'scored',
      model: 'abc',
      event: 0.1,
      channels: {
        temp: { actual: 35.123456789, expected: 20.1, lower: 19.8, upper: 20.4, contribution: 1, imputed: false },
        vib: { actual: null, expected: null, lower: null, upper: null, contribution: 0, imputed: true },
      },
      reasons: ['no value for vib for 12 steps'],
    });
  });

  it('has no score for a refused reading, and says so of a silence', () => {
    const batch = ScoreBatch.create();
    batch.add(ScoreKind.refused, OutcomeCode.late, 't/d', T, T, 'standard', 'abc', ['temp']);
    batch.add(ScoreKind.silence, OutcomeCode.filled, 't/d', T, T, 'standard', 'abc', ['temp']);
    const refused = scoreView(batch, 0);
    assert.deepEqual([refused.score, refused.threshold, refused.event, refused.outcome], [null, null, null, 'late']);
    assert.equal('kind' in refused, false);
    assert.equal(scoreView(batch, 1).kind, 'silence');
  });
});
