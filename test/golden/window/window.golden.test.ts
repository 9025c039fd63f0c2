import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { windowStage } from '../../../models/stages/window.js';
import { WindowLog, type Chunk } from '../../unit/models/stages/window/window-log.js';
import { goldenCases } from '../../support/golden.js';

const folder = new URL('./', import.meta.url);

/** A folder a case: `in.ndjson` holds chunks of the log, `out.ndjson` the records of frames, reviewed by eye. */
describe('window, golden', () => {
  goldenCases(folder, (input) => {
    const log = new WindowLog();
    return (input as Chunk[]).flatMap((chunk) => log.feed(chunk));
  });

  it('still loads the state of version 1', () => {
    const log = new WindowLog();
    log.state = windowStage.restore(readFileSync(new URL('state-1.bin', folder)));
    assert.equal(windowStage.deviceCount(log.state), 2);
    assert.equal(log.state.droppedValues, 1);
    const timeMs = log.wakeMs();
    assert.deepEqual(
      log.tick(timeMs).map(({ device, kind, values }) => [device, kind, values]),
      [['default/slow', 'frame', { x: 1 }]],
    );
  });
});
