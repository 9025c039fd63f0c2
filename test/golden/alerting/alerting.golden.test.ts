import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { alertingStage } from '../../../models/stages/alerting.js';
import { play, scores, type ScoreLine } from '../../unit/models/stages/alerting-fixture.js';

const folder = new URL('./', import.meta.url);

function lines(path: string): unknown[] {
  const text = readFileSync(new URL(path, folder), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}

/** A folder a case: `in.ndjson` holds lines for `play`, `out.ndjson` the records of alerts, reviewed by eye. */
describe('alerting, golden', () => {
  const cases = readdirSync(folder, { withFileTypes: true }).filter((item) => item.isDirectory());

  for (const { name } of cases) {
    it(name, () => {
      const records: unknown = JSON.parse(JSON.stringify(play(lines(`${name}/in.ndjson`) as ScoreLine[])));
      assert.deepEqual(records, lines(`${name}/out.ndjson`));
    });
  }

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
});
