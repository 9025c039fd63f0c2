import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROLES, type Role } from '../../models/security/permissions.js';
import { startGatewayNode, type GatewayNode } from '../support/gateway-node.js';
import { ask, postJson, type HttpAnswer } from '../support/http-client.js';
import { scoreRows } from '../support/sample-records.js';

interface Operation {
  readonly method: string;
  readonly path: string;
}

type Who = readonly Role[] | 'anybody';

const ALL_BUT_DEVICE: Who = ['writer', 'viewer', 'operator', 'admin'];
const SENDERS: Who = ['device', 'writer', 'operator', 'admin'];
const LOOKERS: Who = ['viewer', 'operator', 'admin'];
const OPERATORS: Who = ['operator', 'admin'];
const ADMINS: Who = ['admin'];

/** Written down here once more: who may ask what, of the tenant's own. A route that has no row fails. */
const TABLE: Readonly<Record<string, Who>> = {
  'GET /health': 'anybody',
  'GET /ready': 'anybody',
  'GET /openapi.json': 'anybody',
  'GET /asyncapi.json': 'anybody',
  'POST /v1/readings': SENDERS,
  'POST /v1/readings/csv': SENDERS,
  'POST /v1/write': SENDERS,
  'POST /api/v2/write': SENDERS,
  'POST /v1/prometheus/write': SENDERS,
  'POST /api/v1/write': SENDERS,
  'POST /v1/metrics': SENDERS,
  'POST /predict': ALL_BUT_DEVICE,
  'POST /predict/batch': ALL_BUT_DEVICE,
  'GET /predict/status/{id}': ALL_BUT_DEVICE,
  ...Object.fromEntries(
    ['', '/anomalydetector/v1.0', '/anomalydetector/v1.1'].flatMap((prefix) =>
      ['entire', 'last'].map((mode) => [`POST ${prefix}/timeseries/${mode}/detect`, ALL_BUT_DEVICE]),
    ),
  ),
  'GET /v1/devices': LOOKERS,
  'GET /v1/devices/{id}': LOOKERS,
  'DELETE /v1/devices/{id}': ADMINS,
  'GET /v1/devices/{id}/scores': LOOKERS,
  'GET /v1/devices/{id}/export': LOOKERS,
  'GET /v1/devices/{id}/explain': LOOKERS,
  'GET /v1/alerts': LOOKERS,
  'GET /v1/alerts/{id}': LOOKERS,
  'POST /v1/alerts/{id}/ack': OPERATORS,
  'POST /v1/alerts/{id}/resolve': OPERATORS,
  'POST /v1/alerts/{id}/feedback': OPERATORS,
  'GET /v1/silences': LOOKERS,
  'POST /v1/silences': OPERATORS,
  'DELETE /v1/silences/{id}': OPERATORS,
  'GET /v1/events': LOOKERS,
  'GET /v1/keys': ADMINS,
  'POST /v1/keys': ADMINS,
  'DELETE /v1/keys/{name}': ADMINS,
  'GET /v1/audit': ADMINS,
};

/** The same for what is of all tenants together: only for keys of the tenant `default`. */
const CLUSTER_TABLE: Readonly<Record<string, Who>> = {
  'GET /metrics': LOOKERS,
  'GET /v1/models': LOOKERS,
  'POST /v1/models': OPERATORS,
  'GET /v1/models/{name}': LOOKERS,
  'GET /v1/models/{name}/versions/{version}': LOOKERS,
  'POST /v1/models/{name}/artifact': OPERATORS,
  'GET /v1/models/{name}/versions/{version}/artifact': LOOKERS,
  'POST /v1/models/{name}/train': OPERATORS,
  'GET /v1/models/{name}/drift': LOOKERS,
  'GET /v1/models/{name}/trainings': LOOKERS,
  'GET /v1/models/{name}/trainings/{id}': LOOKERS,
  'POST /v1/models/{name}/promote': OPERATORS,
  'POST /v1/models/{name}/challenge': OPERATORS,
  'POST /v1/models/{name}/rollback': OPERATORS,
  'GET /v1/cluster': LOOKERS,
  'GET /v1/cluster/scale-plan': LOOKERS,
  'POST /v1/cluster/rebuild': ADMINS,
};

const ID = 'pump-7';

describe('who may ask what', () => {
  const folder = mkdtempSync(join(tmpdir(), 'redshank-keys-'));
  let node: GatewayNode;
  let operations: readonly Operation[];
  const keys = new Map<string, string>();

  before(async () => {
    node = await startGatewayNode({ auth: 'on', dataDir: folder, apiRateLimit: 1_000_000 });
    await node.readSide.writeScores(0, 1, scoreRows(ID, [{ timeMs: 1, values: { temp: 20 } }]));
    const admin = /rsk_\S+/.exec(node.printed[0] ?? '')![0];
    for (const tenant of ['default', 'acme']) {
      for (const role of ROLES) {
        const wish = { name: `a-${role}`, tenant, role, ...(role === 'device' && { devices: ['pump-*'] }) };
        const { status, json } = await postJson(`${node.url}/v1/keys`, wish, { Authorization: `Bearer ${admin}` });
        assert.equal(status, 201);
        keys.set(`${tenant}/${role}`, (json as { key: string }).key);
      }
    }
    const { json } = await ask(`${node.url}/openapi.json`);
    const { paths } = json as { paths: Record<string, Record<string, unknown>> };
    operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
    );
  });
  after(async () => {
    await node.stop();
    rmSync(folder, { recursive: true });
  });

  /** As little as the route bears: whether it is done does not matter here, only whether it may be. */
  function send({ method, path }: Operation, key?: string): Promise<HttpAnswer> {
    const url = node.url + path.replace('{id}', ID).replace('{name}', 'no-such').replace('{version}', 'v1');
    const headers = {
      ...(key !== undefined && { Authorization: `Bearer ${key}` }),
      ...(method === 'POST' && { 'Content-Type': 'application/json' }),
    };
    // A stream of events has no end; its head says the same.
    const asked = path === '/v1/events' ? 'HEAD' : method;
    return ask(url, { method: asked, headers, ...(method === 'POST' && { body: '{}' }) });
  }

  it('has a rule for every route of the document, and no other', () => {
    const known = operations.map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual([...known].sort(), Object.keys({ ...TABLE, ...CLUSTER_TABLE }).sort());
  });

  it('refuses whoever has no key', async () => {
    for (const operation of operations) {
      const { status } = await send(operation);
      const isOpen = TABLE[`${operation.method} ${operation.path}`] === 'anybody';
      assert.equal(status === 401, !isOpen, `${operation.method} ${operation.path}: ${status}`);
    }
  });

  for (const tenant of ['default', 'acme']) {
    for (const role of ROLES) {
      it(`lets a ${role} of ${tenant} do what the table says`, async () => {
        for (const operation of operations) {
          const name = `${operation.method} ${operation.path}`;
          const who = TABLE[name] ?? (tenant === 'default' ? CLUSTER_TABLE[name]! : []);
          const isAllowed = who === 'anybody' || who.includes(role);
          const { status } = await send(operation, keys.get(`${tenant}/${role}`));
          assert.notEqual(status, 401, name);
          assert.equal(status !== 403, isAllowed, `${name}: ${status}`);
        }
      });
    }
  }

  it('shows one tenant nothing of another', async () => {
    const look = async (tenant: string, path: string) => {
      const key = keys.get(`${tenant}/admin`)!;
      return ask(node.url + path, { headers: { Authorization: `Bearer ${key}` } });
    };
    for (const path of [`/v1/devices/${ID}`, `/v1/devices/${ID}/scores`, `/v1/devices/${ID}/explain`]) {
      assert.equal((await look('default', path)).status, 200, path);
      assert.equal((await look('acme', path)).status, 404, path);
    }
    const owners = async (tenant: string, path: string) => {
      const { json } = await look(tenant, path);
      return (json as { keys: { tenant: string }[] }).keys.map((key) => key.tenant);
    };
    assert.deepEqual([...new Set(await owners('acme', '/v1/keys'))], ['acme']);
    assert.equal((await look('acme', '/v1/keys?tenant=default')).status, 403);
    assert.deepEqual([...new Set(await owners('default', '/v1/keys?tenant=acme'))], ['acme']);
    assert.equal((await look('acme', '/v1/audit?tenant=default')).status, 403);
  });

  it('lets a device write for itself alone', async () => {
    const reading = (device: string) => ({ device, ts: 1, values: { temp: 1 } });
    const key = keys.get('acme/device')!;
    const { status, json } = await postJson(
      `${node.url}/v1/readings`,
      { readings: [reading('pump-1'), reading('fan-1')] },
      { Authorization: `Bearer ${key}` },
    );
    const { accepted, rejected } = json as { accepted: number; rejected: { index: number; reason: string }[] };
    assert.deepEqual([status, accepted, rejected.length], [202, 1, 1]);
    assert.match(rejected[0]!.reason, /may not write for fan-1/);
  });
});
