import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { windowStage } from '../../../models/stages/window.js';
import { WindowLog, type Chunk } from '../../unit/models/stages/window/window-log.js';

const folder = new URL('./', import.meta.url);

function lines(path: string): unknown[] {
  const text = readFileSync(new URL(path, folder), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}

/** A folder a case: `in.ndjson` holds chunks of the log, `out.ndjson` the records of frames, reviewed by eye. */
describe('window, golden', () => {
  const cases = readdirSync(folder, { withFileTypes: true }).filter((item) => item.isDirectory());

  for (const { name } of cases) {
    it(name, () => {
      const log = new WindowLog();
      const records = (lines(`${name}/in.ndjson`) as Chunk[]).flatMap((chunk) => log.feed(chunk));
      assert.deepEqual(records, lines(`${name}/out.ndjson`));
    });
  }

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
