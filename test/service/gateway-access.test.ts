import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../mixins/clock.js';
import { ApiKeys } from '../../services/security/api-keys.js';
import { FileKeyStore } from '../../services/security/file-key-store.js';
import { startGatewayNode, type GatewayNode, type GatewayNodeOptions } from '../support/gateway-node.js';
import { ask, postJson, type HttpAnswer } from '../support/http-client.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('gateway: who may ask', () => {
  const folder = temporaryFolder();
  let node: GatewayNode | undefined;
  afterEach(async () => {
    await node?.stop();
    node = undefined;
  });
  const start = async (options: GatewayNodeOptions = {}): Promise<GatewayNode> =>
    (node = await startGatewayNode({ auth: 'on', dataDir: folder(), ...options }));
  const keyOf = ({ printed }: GatewayNode): string => /rsk_\S+/.exec(printed[0] ?? '')![0];
  const devices = (url: string, headers: Record<string, string> = {}): Promise<HttpAnswer> =>
    ask(`${url}/v1/devices`, { headers });

  it('makes one admin key, shows it once and keeps only its hash', async () => {
    const dataDir = folder();
    const first = await start({ dataDir });
    const key = keyOf(first);
    assert.match(key, /^rsk_[\w-]{43}$/);
    const path = join(dataDir, 'keys.json');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.ok(!readFileSync(path, 'utf8').includes(key));
    await first.stop();
    const second = await start({ dataDir });
    assert.deepEqual(second.printed, []);
    assert.equal((await devices(second.url, { Authorization: `Bearer ${key}` })).status, 200);
  });

  it('takes the key from either header, and refuses others', async () => {
    const { url, printed } = await start();
    const key = keyOf({ printed } as GatewayNode);
    assert.equal((await devices(url, { Authorization: `Bearer ${key}` })).status, 200);
    assert.equal((await devices(url, { 'X-API-Key': key })).status, 200);
    for (const headers of [
      {},
      { Authorization: 'Bearer nonsense' },
      { Authorization: `Basic ${key}` },
      { 'X-API-Key': `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}` },
    ] as Record<string, string>[]) {
      const answer = await devices(url, headers);
      assert.equal(answer.status, 401, JSON.stringify(headers));
      assert.match(answer.headers['www-authenticate'] ?? '', /^Bearer/);
    }
    assert.equal((await postJson(`${url}/v1/readings`, { readings: [] })).status, 401);
  });

  it('leaves health, readiness and the page open', async () => {
    const { url } = await start();
    for (const path of ['/health', '/ready', '/', '/app.js']) assert.equal((await ask(url + path)).status, 200, path);
    assert.equal((await ask(`${url}/metrics`)).status, 401);
  });

  it('refuses a damaged key file', async () => {
    const dataDir = folder();
    writeFileSync(join(dataDir, 'keys.json'), '{"version":1,"keys":[{"name":"x"}]}');
    await assert.rejects(ApiKeys.open(new FileKeyStore(dataDir), systemClock), /keys\.json must be a list of keys/);
  });

  it('limits control requests a minute, not readings', async () => {
    const { url, printed } = await start({ apiRateLimit: 3 });
    const headers = { Authorization: `Bearer ${keyOf({ printed } as GatewayNode)}` };
    for (let i = 0; i < 3; i++) assert.equal((await devices(url, headers)).status, 200);
    const answer = await devices(url, headers);
    assert.equal(answer.status, 429);
    assert.match(answer.headers['retry-after'] ?? '', /^[1-6]?\d$/);
    const readings = [{ device: 'a', ts: 0, values: { t: 1 } }];
    assert.equal((await postJson(`${url}/v1/readings`, { readings }, headers)).status, 202);
  });

  describe('with AUTH=off', () => {
    it('takes whoever asks from this machine', async () => {
      const { url } = await start({ auth: 'off' });
      assert.equal((await devices(url)).status, 200);
      assert.equal((await devices(url, { Host: 'localhost:8080' })).status, 200);
    });

    it('refuses pages of other sites and rebound names', async () => {
      const { url } = await start({ auth: 'off' });
      assert.equal((await devices(url, { Origin: 'https://evil.example' })).status, 403);
      assert.equal((await devices(url, { Host: 'evil.example' })).status, 403);
      assert.equal((await devices(url, { Origin: url })).status, 200);
    });
  });
});
