import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { alertingStage } from '../../../models/stages/alerting.js';
import { play, scores, type ScoreLine } from '../../unit/models/stages/alerting-fixture.js';
import { goldenCases } from '../../support/golden.js';

const folder = new URL('./', import.meta.url);

/** A folder a case: `in.ndjson` holds lines for `play`, `out.ndjson` the records of alerts, reviewed by eye. */
describe('alerting, golden', () => {
  goldenCases(folder, (input) => play(input as ScoreLine[]));

  it('still loads the state of version 1', () => {
    const state = alertingStage.restore(readFileSync(new URL('state-1.bin', folder)));
    assert.equal(alertingStage.deviceCount(state), 2);
    assert.equal(state.resolved.list().length, 1);
    assert.equal(state.profiles.get('quick').definition.alerting.closeAfter, 2);
    const [resolved] = play(
      scores(100, 0.1, 0.1).map((line) => ({ ...line, profile: 'quick' })),
      state,
    );
    assert.equal(resolved!.change, 'resolved');
  });

  it('still loads the state of version 2', () => {
    const state = alertingStage.restore(readFileSync(new URL('state-2.bin', folder)));
    assert.equal(alertingStage.deviceCount(state), 1);
    assert.deepEqual(
      state.silences.list().map(({ id, devices }) => [id, devices]),
      [['si_1', ['fan-*']]],
    );
    const records = play([...scores(20, 0.9), { key: 'default/fan-1', at: 21_000, score: 0.9 }], state);
    assert.deepEqual(
      records.filter(({ change }) => change === 'raised'),
      [],
    );
  });
});
