import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync, deflateSync } from 'node:zlib';
import { OverloadedError, SettingInvalidError, StorageFailedError } from '../../models/errors.js';
import { startGatewayNode, type GatewayNode } from '../support/gateway-node.js';
import { ask, postJson } from '../support/http-client.js';
import { until } from '../support/until.js';
import { sampleAlert, scoreRows } from '../support/sample-records.js';

const reading = { device: 'pump-7', ts: '2026-01-01T00:00:00Z', values: { temp: 71.2 } };
const batch = { readings: [reading] };

/** Every member that some answer has. */
interface Body {
  readonly device: string;
  readonly lastReading: string;
  readonly devices: readonly { readonly device: string }[];
  readonly scores: readonly { readonly ts: string }[];
  readonly alerts: readonly unknown[];
  readonly detail: string;
  readonly next?: string;
}

describe('gateway: readings', () => {
  let node: GatewayNode;
  beforeEach(async () => {
    node = await startGatewayNode();
  });
  afterEach(() => node.stop());
  const url = (): string => `${node.url}/v1/readings`;

  it('takes JSON and says how durable it is', async () => {
    const answer = await postJson(url(), batch);
    assert.equal(answer.status, 202);
    assert.deepEqual(answer.json, { accepted: 1, rejected: [], rejectedCount: 0 });
    assert.equal(answer.headers['x-durability'], 'nothing');
    assert.equal(node.taken[0]?.device, 'pump-7');
  });

  it('takes NDJSON, with gzip and with deflate', async () => {
    const lines = `${JSON.stringify(reading)}\n`.repeat(3);
    for (const [encoding, body] of [
      ['identity', lines],
      ['gzip', gzipSync(lines)],
      ['deflate', deflateSync(lines)],
    ] as const) {
      const headers = { 'Content-Type': 'application/x-ndjson', 'Content-Encoding': encoding };
      const answer = await ask(url(), { method: 'POST', headers, body });
      assert.deepEqual(answer.json, { accepted: 3, rejected: [], rejectedCount: 0 }, encoding);
    }
  });

  it('keeps order and indexes over many slices, and lists 100 rejected at most', async () => {
    const readings = Array.from({ length: 10_000 }, (_, i) => (i % 50 === 7 ? i : { ...reading, ts: i }));
    const answer = await postJson(url(), { readings });
    const { accepted, rejected, rejectedCount } = answer.json as {
      accepted: number;
      rejected: { index: number }[];
      rejectedCount: number;
    };
    assert.deepEqual([accepted, rejectedCount], [9_800, 200]);
    assert.deepEqual(
      rejected.map(({ index }) => index),
      Array.from({ length: 100 }, (_, i) => i * 50 + 7),
    );
    assert.ok(node.taken.every(({ timeMs }, i) => i === 0 || timeMs > node.taken[i - 1]!.timeMs));
  });

  it('passes overload on, with the time to wait', async () => {
    node.failure = new OverloadedError('the queue is full', 2_500);
    const answer = await postJson(url(), batch);
    assert.equal(answer.status, 503);
    assert.equal(answer.headers['retry-after'], '3');
  });

  it('refuses what is too much at once, and answers probes all the same', async () => {
    const busy = await startGatewayNode({ maxRunningRequests: 2 });
    let release: () => void = () => undefined;
    busy.hold = new Promise<void>((resolve) => (release = resolve));
    const readings = [{ device: 'a', ts: 0, values: { t: 1 } }];
    const inHand = [1, 2].map(() => postJson(`${busy.url}/v1/readings`, { readings }));
    const refused = await until('a refusal', async () => {
      const answer = await ask(`${busy.url}/v1/devices`);
      return answer.status === 503 && answer;
    });
    assert.deepEqual([refused.headers['retry-after'], (await ask(`${busy.url}/health`)).status], ['1', 200]);
    release();
    assert.deepEqual(
      (await Promise.all(inHand)).map(({ status }) => status),
      [202, 202],
    );
    await busy.stop();
  });

  it('takes no notice of an offer to speak another protocol', async () => {
    const offer = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAAP__' };
    for (const body of [batch, { readings: Array.from({ length: 3_000 }, (_, ts) => ({ ...reading, ts })) }]) {
      const answer = await postJson(url(), body, offer);
      assert.equal(answer.status, 202, answer.text);
    }
    assert.equal((await ask(`${node.url}/health`, { headers: offer })).status, 200);
  });

  it('says nothing of our inside when storage or code fails', async () => {
    for (const [failure, status] of [
      [new StorageFailedError('/var/lib/redshank/data.mdb is full'), 503],
      [new TypeError('x is not a function'), 500],
    ] as const) {
      node.failure = failure;
      const answer = await postJson(url(), batch);
      assert.equal(answer.status, status);
      assert.doesNotMatch(answer.text, /mdb|function/);
    }
  });

  it('answers a repeated Idempotency-Key alike, once', async () => {
    const headers = { 'Idempotency-Key': 'b-1' };
    const first = await postJson(url(), batch, headers);
    const second = await postJson(url(), batch, headers);
    assert.deepEqual([second.status, second.json], [first.status, first.json]);
    assert.equal(second.headers['idempotency-replayed'], 'true');
    assert.equal(node.taken.length, 1);
  });

  it('refuses an Idempotency-Key with another body', async () => {
    const headers = { 'Idempotency-Key': 'b-2' };
    await postJson(url(), batch, headers);
    const other = await postJson(url(), { readings: [{ ...reading, ts: 5 }] }, headers);
    assert.equal(other.status, 422);
    assert.equal(node.taken.length, 1);
  });

  it('asks for patience while the first request with a key runs', async () => {
    const headers = { 'Idempotency-Key': 'b-4' };
    let release = (): void => undefined;
    node.hold = new Promise((resolve) => (release = resolve));
    const first = postJson(url(), batch, headers);
    await until('the first', () => node.taken.length === 1);
    const second = await postJson(url(), batch, headers);
    release();
    assert.deepEqual([second.status, second.headers['retry-after']], [409, '1']);
    assert.equal((await first).status, 202);
  });

  it('takes readings with an Idempotency-Key also while nobody can say whether it came before', async () => {
    const { readSide } = node;
    const [get, put] = [readSide.get.bind(readSide), readSide.put.bind(readSide)];
    const away = (): Promise<never> => Promise.reject(new StorageFailedError('Redis is away'));
    Object.assign(readSide, { get: away, put: away });
    const answer = await postJson(url(), batch, { 'Idempotency-Key': 'b-5' });
    Object.assign(readSide, { get, put });
    assert.equal(answer.status, 202);
    assert.equal(node.taken.length, 1);
  });

  it('does not remember a failure under an Idempotency-Key', async () => {
    const headers = { 'Idempotency-Key': 'b-3' };
    node.failure = new OverloadedError('full', 1_000);
    assert.equal((await postJson(url(), batch, headers)).status, 503);
    node.failure = undefined;
    assert.equal((await postJson(url(), batch, headers)).status, 202);
  });
});

describe('gateway: what people look at', () => {
  let node: GatewayNode;
  before(async () => {
    node = await startGatewayNode();
    const rows = Array.from({ length: 1_200 }, (_, i) => ({ timeMs: i * 1000, values: { temp: i } }));
    await node.readSide.writeScores(0, 1, scoreRows('site/1:pump@7', rows));
    await node.readSide.writeScores(0, 2, scoreRows('meter-1', [{ timeMs: 0, values: { kW: 1 }, outcome: 3 }]));
    node.readSide.alertsById.set('a1', sampleAlert());
  });
  after(() => node.stop());
  const get = async (path: string): Promise<Body> => (await ask(node.url + path)).json as Body;
  const scoresPath = `/v1/devices/${encodeURIComponent('site/1:pump@7')}/scores`;

  it('lists devices by pages', async () => {
    const first = await get('/v1/devices?limit=1');
    assert.deepEqual(
      first.devices.map(({ device }) => device),
      ['meter-1'],
    );
    const second = await get(`/v1/devices?limit=1&cursor=${encodeURIComponent(first.next!)}`);
    assert.deepEqual(
      second.devices.map(({ device }) => device),
      ['site/1:pump@7'],
    );
    assert.equal(second.next, undefined);
  });

  it('shows a device whose id holds a slash, with times in RFC 3339', async () => {
    const device = await get(`/v1/devices/${encodeURIComponent('site/1:pump@7')}`);
    assert.equal(device.device, 'site/1:pump@7');
    assert.equal(device.lastReading, '1970-01-01T00:19:59.000Z');
    assert.equal('tenant' in device, false);
  });

  it('explains a device', async () => {
    const answer = await ask(`${node.url}/v1/devices/meter-1/explain`);
    assert.equal((answer.json as { device: Body }).device.device, 'meter-1');
    assert.doesNotMatch(answer.text, /tenant|Ms"/);
  });

  it('gives the latest 1,000 scores, oldest first', async () => {
    const { scores } = await get(scoresPath);
    assert.equal(scores.length, 1_000);
    assert.equal(scores[0]?.ts, '1970-01-01T00:03:20.000Z');
  });

  it('pages through scores from a time on, with no row lost or doubled', async () => {
    const seen: string[] = [];
    let next: string | undefined;
    do {
      const cursor: string = next === undefined ? '' : `&cursor=${next}`;
      const page = await get(`${scoresPath}?from=0&to=1970-01-01T00:10:00Z&limit=250${cursor}`);
      seen.push(...page.scores.map(({ ts }) => ts));
      next = page.next;
    } while (next !== undefined);
    assert.equal(seen.length, 601);
    assert.equal(new Set(seen).size, 601);
  });

  it('filters scores by outcome', async () => {
    assert.equal((await get('/v1/devices/meter-1/scores?outcome=late')).scores.length, 1);
    assert.equal((await get('/v1/devices/meter-1/scores?outcome=scored')).scores.length, 0);
  });

  it('explains a plus sign that a query has made a space', async () => {
    const { detail } = await get(`${scoresPath}?from=2026-01-01T00:00:00+02:00`);
    assert.match(detail, /%2B/);
  });

  it('takes one spelling of a path', async () => {
    for (const path of ['/V1/events', '/v1/Devices']) assert.equal((await ask(node.url + path)).status, 404, path);
  });

  it('takes the absolute form of a target', async () => {
    const { hostname, port } = new URL(node.url);
    const socket = connect(Number(port), hostname);
    socket.write(`GET ${node.url}/v1/devices?limit=1 HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n`);
    assert.match(await text(socket), /^HTTP\/1\.1 200 .*meter-1/s);
  });

  it('rounds the score of a device as that of a row', async () => {
    const path = `/v1/devices/${encodeURIComponent('site/1:pump@7')}`;
    const device = (await ask(node.url + path)).json as { lastScore: number; threshold: number };
    const { scores } = (await ask(`${node.url}${path}/scores?limit=1`)).json as {
      scores: { score: number; threshold: number }[];
    };
    assert.deepEqual([device.lastScore, device.threshold], [scores[0]?.score, scores[0]?.threshold]);
  });

  it('answers HEAD like GET, without a body', async () => {
    const answer = await ask(`${node.url}/v1/devices`, { method: 'HEAD' });
    assert.deepEqual([answer.status, answer.text], [200, '']);
  });

  it('does nothing on a preflight', async () => {
    const headers = { 'Access-Control-Request-Method': 'POST' };
    const answer = await ask(`${node.url}/v1/alerts/a1/ack`, { method: 'OPTIONS', headers });
    assert.deepEqual([answer.status, answer.headers.allow], [405, 'POST']);
    assert.equal(node.readSide.alertsById.get('a1')?.status, 'open');
  });

  it('lists, acknowledges, judges and resolves alerts', async () => {
    assert.equal((await get('/v1/alerts?status=open')).alerts.length, 1);
    const alert = `${node.url}/v1/alerts/a1`;
    assert.equal(((await ask(`${alert}/ack`, { method: 'POST' })).json as { status: string }).status, 'acknowledged');
    const judged = await postJson(`${alert}/feedback`, { verdict: 'normal', note: 'maintenance' });
    assert.equal((judged.json as { feedback: string }).feedback, 'normal');
    assert.equal(((await postJson(`${alert}/resolve`, {})).json as { status: string }).status, 'resolved');
    assert.equal((await get('/v1/alerts?status=open')).alerts.length, 0);
  });

  it('predicts', async () => {
    const answer = await postJson(`${node.url}/predict`, {
      data: [
        [1, 2],
        [3, 4],
      ],
      window_size: 30,
      method: 'ensemble',
    });
    assert.equal((answer.json as { scores: unknown[] }).scores.length, 2);
  });

  it('says that a part is away', async () => {
    const answer = await ask(`${node.url}/v1/models`);
    assert.equal(answer.status, 503);
    assert.ok(answer.headers['retry-after']);
  });

  it('is ready without a registry, and says that it is away', async () => {
    const answer = await ask(`${node.url}/ready`);
    assert.deepEqual([answer.status, answer.json], [200, { status: 'ready', away: ['model-registry'] }]);
    node.readSideOutage = 'Redis cannot be reached at this moment';
    const { json } = await ask(`${node.url}/ready`);
    assert.deepEqual(json, { status: 'ready', away: ['model-registry', 'read-side'] });
    node.readSideOutage = undefined;
  });

  it('is ready, or says why not', async () => {
    assert.equal((await ask(`${node.url}/ready?probe=1`)).status, 200);
    assert.equal((await ask(`${node.url}/health?x=1`)).status, 200);
    node.readiness = { ready: false, reason: 'replaying partition 3' };
    const answer = await ask(`${node.url}/ready`);
    node.readiness = { ready: true };
    assert.equal(answer.status, 503);
    assert.equal((answer.json as { detail: string }).detail, 'replaying partition 3');
  });

  it('serves the page, and knows what the browser has', async () => {
    const page = await ask(node.url);
    assert.match(String(page.headers['content-security-policy']), /default-src 'none'/);
    const again = await ask(node.url, { headers: { 'If-None-Match': String(page.headers.etag) } });
    assert.deepEqual([again.status, again.text], [304, '']);
    for (const path of ['/vendor/../package.json', '/vendor/%2e%2e%2fpackage.json', '/web/app.js', '//etc/passwd']) {
      assert.equal((await ask(node.url + path)).status, 404, path);
    }
  });

  it('counts requests by route, not by path', async () => {
    await ask(`${node.url}/v1/devices/secret-device`);
    await ask(`${node.url}/no/such/place`);
    const { text } = await ask(`${node.url}/metrics`);
    assert.match(text, /redshank_http_requests_total\{method="GET",route="\/v1\/devices\/:id",status="404"\}/);
    assert.match(text, /route="\/unrouted"/);
    assert.doesNotMatch(text, /secret-device|no\/such/);
  });
});

describe('gateway: start and stop', () => {
  it('refuses a taken port in words', async () => {
    const node = await startGatewayNode();
    const port = Number(new URL(node.url).port);
    await assert.rejects(startGatewayNode({ port }), (error: unknown) => {
      assert.ok(error instanceof SettingInvalidError);
      assert.match(error.message, /PORT: 127\.0\.0\.1:\d+ is already in use/);
      return true;
    });
    await node.stop();
  });
});

describe('gateway: clients that dawdle', () => {
  it('answers 408 when a request does not arrive whole in time', async () => {
    const node = await startGatewayNode({ requestTimeoutMs: 500 });
    const { hostname, port } = new URL(node.url);
    const socket = connect(Number(port), hostname);
    socket.write(`POST /v1/readings HTTP/1.1\r\nHost: ${hostname}\r\n`);
    socket.write('Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"readings":');
    const answer = await text(socket);
    await node.stop();
    assert.match(answer, /^HTTP\/1\.1 408 .*application\/problem\+json/s);
  });

  it('stops within its grace while a body is half sent', async () => {
    const node = await startGatewayNode({ closeGraceMs: 200 });
    const { hostname, port } = new URL(node.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    const head = `Host: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue`;
    socket.write(`POST /v1/readings HTTP/1.1\r\n${head}\r\n\r\n{"readings":`);
    // 100 Continue: the request has begun.
    await once(socket, 'data');
    const startMs = performance.now();
    await node.stop();
    assert.ok(performance.now() - startMs < 3_000);
  });

  it('answers in words to what is not HTTP', async () => {
    const node = await startGatewayNode();
    const { hostname, port } = new URL(node.url);
    const socket = connect(Number(port), hostname);
    socket.write('*1\r\n$4\r\nPING\r\n');
    const answer = await text(socket);
    await node.stop();
    assert.match(answer, /^HTTP\/1\.1 400 .*not an HTTP\/1\.1 request/s);
  });
});
