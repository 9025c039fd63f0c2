import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readResult } from '../../../../cli/backtest/result-file.js';
import { temporaryFolder } from '../../../support/temporary-folder.js';

describe('result file', () => {
  const folder = temporaryFolder();

  it('is read with whatever stood where a timestamp should', async () => {
    const path = join(folder(), 'a.csv');
    await writeFile(path, 'timestamp,score,event,alert\n"a, ""b""\nc",0.5,0,1\n,1e-7,0.25,0\n');
    const { times, score, event, alert } = await readResult(path);
    assert.deepEqual(
      { times, score: [...score], event: [...event], alert: [...alert] },
      { times: ['a, "b"\nc', ''], score: [0.5, 1e-7], event: [0, 0.25], alert: [1, 0] },
    );
  });
});
