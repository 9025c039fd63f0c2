import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { RedshankProcess } from '../support/redshank-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('log lines of a process', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();

  it('are JSON with the fields of docs/logs.md', async () => {
    const redshank = await RedshankProcess.start({
      dataDir: folder(),
      env: { ENVIRONMENT: 'production', LOG_LEVEL: 'info' },
    });
    await redshank.stop();
    const lines = redshank.log.trim().split('\n');
    assert.ok(lines.length > 1, redshank.log);
    for (const line of lines) {
      const { level, time, msg, pid } = JSON.parse(line) as Record<string, unknown>;
      assert.deepEqual(
        [typeof level, typeof time, typeof msg, pid],
        ['number', 'number', 'string', redshank.child.pid],
        line,
      );
    }
    const documented = readFileSync(new URL('../../docs/logs.md', import.meta.url), 'utf8');
    for (const field of ['level', 'time', 'msg', 'err']) assert.match(documented, new RegExp(`^\\| \`${field}\``, 'm'));
  });
});
