import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request as httpsRequest } from 'node:https';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { startGatewayNode, type GatewayNode, type GatewayNodeOptions } from '../support/gateway-node.js';
import { ask, postJson, type HttpAnswer } from '../support/http-client.js';
import { sampleAlert } from '../support/sample-records.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('keys, tokens and who did what', () => {
  const folder = temporaryFolder();
  let node: GatewayNode | undefined;
  let issuer: Server | undefined;
  afterEach(async () => {
    await node?.stop();
    node = undefined;
    issuer?.close();
    issuer = undefined;
  });
  const start = async (options: GatewayNodeOptions = {}): Promise<{ url: string; admin: Record<string, string> }> => {
    node = await startGatewayNode({ auth: 'on', dataDir: folder(), ...options });
    return { url: node.url, admin: bearer(/rsk_\S+/.exec(node.printed[0] ?? '')![0]) };
  };
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
  const devices = (url: string, token: string): Promise<HttpAnswer> =>
    ask(`${url}/v1/devices`, { headers: bearer(token) });

  describe('a key', () => {
    it('is shown once, listed by its beginning, and good until it is taken back', async () => {
      const { url, admin } = await start();
      const made = await postJson(`${url}/v1/keys`, { name: 'board', role: 'viewer' }, admin);
      const { key, prefix } = made.json as { key: string; prefix: string };
      assert.deepEqual([made.status, key.startsWith(prefix), prefix.length], [201, true, 12]);
      assert.equal((await devices(url, key)).status, 200);
      const list = await ask(`${url}/v1/keys`, { headers: admin });
      assert.ok(!list.text.includes(key) && list.text.includes(prefix));
      const { keys } = list.json as { keys: { name: string; createdBy?: string; lastUsed?: string }[] };
      assert.deepEqual(
        keys.map(({ name, createdBy }) => [name, createdBy]),
        [
          ['admin', undefined],
          ['board', 'admin'],
        ],
      );
      assert.ok(Date.now() - Date.parse(keys[1]!.lastUsed!) < 60_000);
      assert.equal((await ask(`${url}/v1/keys/board`, { method: 'DELETE', headers: admin })).status, 204);
      assert.equal((await devices(url, key)).status, 401);
      assert.equal((await ask(`${url}/v1/keys/board`, { method: 'DELETE', headers: admin })).status, 404);
    });

    it('has Idempotency-Keys of its own', async () => {
      const { url, admin } = await start();
      const keyOf = async (name: string) =>
        ((await postJson(`${url}/v1/keys`, { name, role: 'writer' }, admin)).json as { key: string }).key;
      const [a, b] = [await keyOf('a'), await keyOf('b')];
      const post = (key: string, ts: number) =>
        postJson(
          `${url}/v1/readings`,
          { readings: [{ device: 'pump-7', ts, values: { temp: 1 } }] },
          { ...bearer(key), 'Idempotency-Key': '1' },
        );
      assert.equal((await post(a, 1)).status, 202);
      const answer = await post(b, 2);
      assert.deepEqual([answer.status, answer.headers['idempotency-replayed']], [202, undefined]);
      assert.equal((await post(a, 2)).status, 422);
    });

    it('is refused with the reason when it is asked for wrongly', async () => {
      const { url, admin } = await start();
      for (const [wish, says] of [
        [{ name: 'a b', role: 'viewer' }, /name must match/],
        [{ name: 'a', role: 'root' }, /role must be one of device, writer, viewer, operator, admin/],
        [{ name: 'a', role: 'device' }, /devices must be given/],
        [{ name: 'a', role: 'viewer', devices: ['*'] }, /devices must be given for the role device, and for no other/],
        [{ name: 'a', role: 'viewer', expires: '2001-01-01T00:00:00Z' }, /future/],
        [{ name: 'a', role: 'viewer', sha256: 'f'.repeat(64) }, /sha256 must not be there/],
      ] as const) {
        const { status, json } = await postJson(`${url}/v1/keys`, wish, admin);
        assert.equal(status, 422);
        assert.match((json as { detail: string }).detail, says);
      }
      assert.equal((await postJson(`${url}/v1/keys`, { name: 'admin', role: 'viewer' }, admin)).status, 409);
      const last = await ask(`${url}/v1/keys/admin`, { method: 'DELETE', headers: admin });
      assert.deepEqual([last.status, /last key of an admin/.test(last.text)], [409, true]);
    });
  });

  describe('the audit log', () => {
    interface Entry {
      readonly by: string;
      readonly action: string;
      readonly target: Record<string, string>;
      readonly details?: string;
      readonly from: string;
      readonly failed?: number;
    }

    it('says who changed what, and what failed, newest first', async () => {
      const { url, admin } = await start({ trustedProxies: 1 });
      node!.readSide.alertsById.set('a1', sampleAlert());
      const headers = { ...admin, 'X-Forwarded-For': '198.51.100.7, 203.0.113.9' };
      await postJson(`${url}/v1/alerts/a1/ack`, { note: 'on it' }, headers);
      await postJson(`${url}/v1/alerts/a2/ack`, {}, headers);
      await devices(url, admin['Authorization']!.slice(7));
      const page = async (query: string) => {
        const { json } = await ask(`${url}/v1/audit${query}`, { headers: admin });
        return json as { entries: Entry[]; next?: string };
      };
      const { entries } = await page('');
      assert.deepEqual(
        entries.map(({ by, action, target, details, from, failed }) => [
          by,
          action,
          target['id'],
          details,
          from,
          failed,
        ]),
        [
          ['admin', 'POST /v1/alerts/:id/ack', 'a2', undefined, '203.0.113.9', 404],
          ['admin', 'POST /v1/alerts/:id/ack', 'a2', undefined, '203.0.113.9', undefined],
          ['admin', 'POST /v1/alerts/:id/ack', 'a1', '{"note":"on it"}', '203.0.113.9', undefined],
        ],
      );
      const first = await page('?limit=2');
      const rest = await page(`?limit=2&cursor=${first.next!}`);
      assert.deepEqual([...first.entries, ...rest.entries], entries);
      assert.equal(rest.next, undefined);
    });

    it('comes before the change: what cannot be written down is not done', async () => {
      const { url, admin } = await start();
      node!.readSide.alertsById.set('a1', sampleAlert());
      node!.journal.isFull = true;
      assert.equal((await postJson(`${url}/v1/alerts/a1/ack`, {}, admin)).status, 503);
      assert.equal(node!.readSide.alertsById.get('a1')!.status, 'open');
    });
  });

  describe('a token', () => {
    const SECRET = 'a secret of more than thirty-two characters';
    const claims = { sub: 'ada', role: 'viewer', tenant: 'default' };
    const sign = (payload: object, alg = 'HS256') => new SignJWT({ ...payload }).setProtectedHeader({ alg, kid: 'k1' });
    const soon = '5m';

    it('of the shared secret opens what its role may', async () => {
      const { url } = await start({ jwtSecret: SECRET });
      const key = new TextEncoder().encode(SECRET);
      const good = await sign(claims).setExpirationTime(soon).sign(key);
      assert.equal((await devices(url, good)).status, 200);
      assert.equal((await postJson(`${url}/v1/keys`, {}, bearer(good))).status, 403);
      const bad: readonly [string, string][] = [
        ['without an end', await sign(claims).sign(key)],
        ['expired', await sign(claims).setExpirationTime(1).sign(key)],
        [
          'of another secret',
          await sign(claims)
            .setExpirationTime(soon)
            .sign(new TextEncoder().encode(`${SECRET}!`)),
        ],
        ['without a signature', new UnsecuredJWT(claims).setExpirationTime(soon).encode()],
        [
          'changed',
          good.replace(/\.[^.]+\./, `.${Buffer.from('{"sub":"ada","role":"admin"}').toString('base64url')}.`),
        ],
        ['without a role', await sign({ sub: 'ada', tenant: 'default' }).setExpirationTime(soon).sign(key)],
        [
          'of an unknown role',
          await sign({ ...claims, role: 'root' })
            .setExpirationTime(soon)
            .sign(key),
        ],
        ['without a tenant', await sign({ sub: 'ada', role: 'viewer' }).setExpirationTime(soon).sign(key)],
        [
          'of a tenant with a slash',
          await sign({ ...claims, tenant: 'a/b' })
            .setExpirationTime(soon)
            .sign(key),
        ],
        [
          'of no device',
          await sign({ ...claims, role: 'device' })
            .setExpirationTime(soon)
            .sign(key),
        ],
        ['that is none', 'a.b.c'],
      ];
      for (const [name, token] of bad) {
        const answer = await devices(url, token);
        assert.equal(answer.status, 401, name);
        assert.ok(!answer.text.includes('jose') && !answer.text.includes(SECRET));
      }
    });

    it('of an issuer is verified by its public keys, and its public key is no secret', async () => {
      const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
      const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256' };
      issuer = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
      await new Promise<void>((resolve) => issuer!.listen(0, '127.0.0.1', resolve));
      const jwtJwksUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/keys`;
      const { url } = await start({ jwtJwksUrl, jwtIssuer: 'https://id.example', jwtAudience: 'redshank' });
      const token = (alg: string, audience: string) =>
        sign(claims, alg).setIssuer('https://id.example').setAudience(audience).setExpirationTime(soon);
      assert.equal((await devices(url, await token('RS256', 'redshank').sign(privateKey))).status, 200);
      assert.equal((await devices(url, await token('RS256', 'shop').sign(privateKey))).status, 401);
      const pem = new TextEncoder().encode(await exportSPKI(publicKey));
      assert.equal((await devices(url, await token('HS256', 'redshank').sign(pem))).status, 401);
      const other = await generateKeyPair('RS256');
      assert.equal((await devices(url, await token('RS256', 'redshank').sign(other.privateKey))).status, 401);
    });

    it('waits when the issuer is away', async () => {
      const { privateKey } = await generateKeyPair('RS256');
      const { url } = await start({
        jwtJwksUrl: 'http://127.0.0.1:1/keys',
        jwtIssuer: 'https://id.example',
        jwtAudience: 'redshank',
      });
      const token = await sign(claims, 'RS256')
        .setIssuer('https://id.example')
        .setAudience('redshank')
        .setExpirationTime(soon)
        .sign(privateKey);
      assert.equal((await devices(url, token)).status, 503);
    });
  });

  describe('pages of other sites', () => {
    const origin = 'https://plant.example';
    const preflight = (url: string, from: string) =>
      ask(`${url}/v1/readings`, {
        method: 'OPTIONS',
        headers: { Origin: from, 'Access-Control-Request-Method': 'POST' },
      });

    it('may ask where the settings name their origin', async () => {
      const { url, admin } = await start({ corsOrigins: [origin] });
      const asked = await preflight(url, origin);
      assert.deepEqual([asked.status, asked.headers['access-control-allow-origin']], [204, origin]);
      const answer = await ask(`${url}/v1/devices`, { headers: { ...admin, Origin: origin } });
      assert.equal(answer.headers['access-control-allow-origin'], origin);
      const foreign = await preflight(url, 'https://evil.example');
      assert.equal(foreign.headers['access-control-allow-origin'], undefined);
    });

    it('may not by default', async () => {
      const { url } = await start();
      const { status, headers } = await preflight(url, origin);
      assert.deepEqual([status, headers['access-control-allow-origin']], [405, undefined]);
    });
  });

  it('speaks HTTPS with a certificate of its own', async () => {
    const home = folder();
    const [cert, key] = [join(home, 'cert.pem'), join(home, 'key.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    execFileSync('openssl', [...kind, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
    const { url } = await start({ tlsCert: cert, tlsKey: key });
    assert.match(url, /^https:/);
    const answer = await new Promise<{ status?: number | undefined; hsts?: string | undefined }>((resolve, reject) => {
      httpsRequest(`${url}/health`, { ca: readFileSync(cert) }, (response) => {
        response.resume();
        resolve({ status: response.statusCode, hsts: response.headers['strict-transport-security'] });
      })
        .on('error', reject)
        .end();
    });
    assert.equal(answer.status, 200);
    assert.match(answer.hsts ?? '', /max-age/);
  });
});
