import assert from 'node:assert/strict';
import pino from 'pino';
import { RecurringFault } from '../../../mixins/recurring-fault.js';

describe('recurring fault', () => {
  it('is told when it begins and once a minute, with how often it came', () => {
    const lines: { readonly times: number; readonly partition: number }[] = [];
    const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line) as never) });
    let nowMs = 0;
    const fault = new RecurringFault(logger, 'warn', 'away', () => nowMs);
    for (; nowMs <= 60_000; nowMs += 20_000) fault.happened(new Error('gone'), { partition: 3 });
    assert.deepEqual(
      lines.map(({ times, partition }) => [times, partition]),
      [
        [1, 3],
        [3, 3],
      ],
    );
  });
});
