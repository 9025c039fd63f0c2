import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkDataDir, checkNode, checkPort } from '../../../../cli/doctor/machine-checks.js';

describe('doctor', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'redshank-test-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('knows which Node is too old', () => {
    assert.equal(checkNode('20.18.3').state, 'fail');
    assert.equal(checkNode('20.19.0').state, 'ok');
    assert.equal(checkNode('22.1.0').state, 'ok');
  });

  it('leaves nothing in a data folder, also one that does not exist yet', async () => {
    const findings = await checkDataDir(join(folder, 'not', 'yet'));
    assert.equal(findings[0]?.state, 'ok');
    assert.deepEqual(await readdir(folder), []);
  });

  it('finds a data folder that is a file', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    assert.equal((await checkDataDir(file))[0]?.state, 'fail');
  });

  it('finds a port that is taken', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const taken = await checkPort({ host: '127.0.0.1', port });
    await new Promise((done) => server.close(done));
    assert.match(taken.message, /^PORT: .* is already in use/);
    assert.equal((await checkPort({ host: '127.0.0.1', port })).state, 'ok');
  });

  it('names HOST where HOST is at fault', async () => {
    for (const host of ['203.0.113.9', 'no-such-host.invalid']) {
      assert.match((await checkPort({ host, port: 0 })).message, /^HOST: /, host);
    }
  });
});
