import assert from 'node:assert/strict';
import { logLine } from '../../../../cli/cluster/log-line.js';

const ENTRY = { level: 40, time: Date.UTC(2026, 0, 1, 12, 0, 1), pid: 7, hostname: 'h', msg: 'stepped down' };

describe('a log entry in one line', () => {
  it('says when, how bad, what, why and where', () => {
    const entry = { ...ENTRY, partition: 3, err: { type: 'FencedError', message: 'a newer\nepoch', stack: 'at …' } };
    assert.equal(logLine(JSON.stringify(entry)), '12:00:01 warn  stepped down (a newer epoch) partition=3');
  });

  for (const line of ['no JSON at all', '{"level":40,"msg":"cut', '{"level":"x"}', '{"error":{}}']) {
    it(`leaves ${line} as it is`, () => assert.equal(logLine(line), line));
  }

  it('shortens what is long', () => {
    assert.ok(logLine(JSON.stringify({ ...ENTRY, list: 'x'.repeat(1_000) })).length < 200);
  });
});
