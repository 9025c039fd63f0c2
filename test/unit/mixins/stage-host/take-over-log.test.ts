import assert from 'node:assert/strict';
import pino from 'pino';
import { TakeOverLog } from '../../../../mixins/stage-host/take-over-log.js';

describe('take-over log', () => {
  let nowMs: number;
  let lines: string[];
  let log: TakeOverLog;
  beforeEach(() => {
    nowMs = 0;
    lines = [];
    const logger = pino({ level: 'info', base: null, timestamp: false }, { write: (line) => void lines.push(line) });
    log = new TakeOverLog(logger, () => nowMs);
  });
  afterEach(() => log.tell());

  it('tells of a burst in one line', () => {
    log.add(10, 3);
    log.add(200, 41.6);
    log.add(0, 2);
    log.tell();
    log.tell();
    assert.deepEqual(
      lines.map((line): unknown => JSON.parse(line)),
      [{ level: 30, partitions: 3, replayedRecords: 210, slowestMs: 42, msg: 'took over' }],
    );
  });

  it('does not wait for the end of one that has none', () => {
    for (; nowMs <= 60_000; nowMs += 1_000) log.add(0, 1);
    assert.equal(lines.length, 1);
  });
});
