/** While the cluster cannot keep a promise it gives none: 503 with Retry-After, within the timeout, and nothing hangs. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, type PartOptions } from '../support/cluster.js';
import { needsNatsServer } from '../support/nats-server.js';
import { needsRedis } from '../support/redis-server.js';
import { until } from '../support/until.js';

const REQUEST_TIMEOUT_SEC = 5;
/** The client's own way to give up: no request may get there. */
const HANGING_MS = REQUEST_TIMEOUT_SEC * 1_000 + 5_000;
const MOST_WAITING_CHUNKS = 20;

const PARTS: readonly PartOptions[] = [
  { name: 'gateway', services: ['gateway'] },
  { name: 'door', services: ['ingest', 'model-registry'] },
  { name: 'window', services: ['window'] },
  { name: 'scorer', services: ['scorer'] },
  { name: 'alerting', services: ['alerting'] },
];

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly tookMs: number;
  readonly text: string;
}

describe('cluster without its servers', function () {
  this.timeout(120_000);
  let cluster: Cluster;
  let ts = Date.UTC(2026, 0, 1);

  before(function () {
    needsNatsServer(this);
  });
  needsRedis(this);
  before(async () => {
    cluster = await Cluster.start({
      parts: PARTS,
      config: `api:\n  timeout: ${REQUEST_TIMEOUT_SEC}\nperformance:\n  max_queue_size: ${MOST_WAITING_CHUNKS}`,
    });
    await until('the first 202', async () => (await post()).status === 202, 30_000);
  });
  afterEach(function () {
    if (this.currentTest?.isFailed() === true) console.log(cluster.report());
  });
  after(() => cluster.stop());

  async function ask(method: 'GET' | 'POST', path: string, body?: unknown, key?: string): Promise<Answer> {
    const startMs = performance.now();
    const answer = await fetch(`${cluster.url}${path}`, {
      method,
      signal: AbortSignal.timeout(HANGING_MS),
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const tookMs = performance.now() - startMs;
    return { status: answer.status, retryAfter: answer.headers.get('retry-after'), tookMs, text };
  }

  const post = (key?: string, devices = 40): Promise<Answer> => {
    ts += 1_000;
    const readings = Array.from({ length: devices }, (_, i) => ({ device: `d-${i}`, ts, values: { x: Math.sin(ts) } }));
    return ask('POST', '/v1/readings', { readings }, key);
  };

  it('NATS down: posts get 503 with Retry-After, never 202, and every request ends in time', async () => {
    await until(
      'the first scores',
      async () => (await ask('GET', '/v1/devices/d-1/scores')).text.includes('"ts"'),
      30_000,
    );
    await cluster.nats.kill9();
    const answers: Answer[] = [];
    const open: Promise<unknown>[] = [];
    const paths = ['/v1/devices', '/v1/devices/d-1', '/v1/devices/d-1/scores', '/v1/alerts', '/v1/cluster', '/ready'];
    const lookedAt: Answer[] = [];
    for (let i = 0; i < 40; i++) {
      open.push(post().then((answer) => answers.push(answer)));
      open.push(ask('GET', paths[i % paths.length]!).then((answer) => lookedAt.push(answer)));
      await sleep(200);
    }
    await Promise.all(open);
    const scores = await ask('GET', '/v1/devices/d-1/scores');
    console.log(`    scores without NATS: ${Math.round(scores.tookMs)} ms`);
    await cluster.nats.restart();
    assert.equal(scores.status, 200, scores.text);
    const shown = JSON.parse(scores.text) as { scores: readonly object[]; isOlderUnread?: boolean };
    assert.deepEqual([shown.scores.length > 0, shown.isOlderUnread], [true, true]);
    const bad = answers.filter(({ status, retryAfter }) => status !== 503 || !(Number(retryAfter) >= 1));
    assert.deepEqual(bad, []);
    const slowestMs = Math.max(...[...answers, ...lookedAt].map(({ tookMs }) => tookMs));
    console.log(`    slowest answer without NATS: ${Math.round(slowestMs)} ms, timeout ${REQUEST_TIMEOUT_SEC} s`);
    assert.ok(slowestMs <= REQUEST_TIMEOUT_SEC * 1_000 + 2_000);
    assert.ok(
      lookedAt.every(({ status }) => status !== 500),
      JSON.stringify(lookedAt.find(({ status }) => status === 500)),
    );
    const startMs = performance.now();
    await until('a 202 again', async () => (await post()).status === 202, 30_000);
    console.log(`    first 202 after NATS came back: ${Math.round(performance.now() - startMs)} ms`);
    await cluster.settled(60_000, 0);
  });

  it('Redis down: readings are taken and scored, what is looked at there gets 503, and all of it comes back', async () => {
    await cluster.redis.kill9();
    const answers: Answer[] = [];
    for (let i = 0; i < 10; i++) {
      answers.push(await post(i % 2 === 0 ? `while-away-${i}` : undefined));
      await sleep(100);
    }
    assert.deepEqual(
      answers.filter(({ status }) => status !== 202),
      [],
    );
    const looked = await ask('GET', '/v1/devices/d-1/scores');
    assert.equal(looked.status, 503);
    assert.ok(looked.tookMs < REQUEST_TIMEOUT_SEC * 1_000 + 2_000);
    await cluster.redis.restart();
    const last = ts;
    await until(
      'the scores of that time',
      async () => (await ask('GET', `/v1/devices/d-1/scores?from=${last}`)).text.includes(new Date(last).toISOString()),
      60_000,
    );
  });

  it('a stage that stands still: 503 beyond the limit, and 202 again when it goes on', async () => {
    cluster.part('scorer').pause();
    const refused = await until(
      'a refusal',
      async () => {
        const answer = await post();
        return answer.status !== 202 && answer;
      },
      60_000,
    );
    assert.equal(refused.status, 503);
    assert.ok(Number(refused.retryAfter) >= 1);
    assert.match(refused.text, /wait/);
    cluster.part('scorer').resume();
    await until('a 202 again', async () => (await post()).status === 202, 60_000);
    await cluster.settled(60_000, 0);
  });
});
