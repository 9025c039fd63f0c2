import assert from 'node:assert/strict';
import type { Context } from 'moleculer';
import { pino } from 'pino';
import { action } from '../../mixins/bus/action-policy.js';
import { callerOf, type Caller } from '../../mixins/bus/caller.js';
import { systemClock } from '../../mixins/clock.js';
import { createMetrics } from '../../mixins/metrics.js';
import { DEFAULT_RUNNER_OPTIONS } from '../../mixins/stage-host/partition-runner.js';
import { NO_TRACER } from '../../mixins/tracing/tracer.js';
import { OverloadedError } from '../../models/errors.js';
import { loadSettings, SERVICE_NAMES } from '../../models/settings.js';
import { gatewayService, type GatewayAddress } from '../../services/gateway.service.js';
import { memoryLimiter } from '../../storage/limits/limiters.js';
import type { Storage } from '../../storage/storage.js';
import { knows, TestBus, type Member } from '../support/bus-brokers.js';
import { ask, postJson } from '../support/http-client.js';
import { MemoryReadSide } from '../support/memory-read-side.js';
import { until } from '../support/until.js';

describe('a gateway with nothing but ingest beside it', () => {
  let bus: TestBus;
  let ingest: Member;
  let url = '';
  let failure: Error | undefined;
  const callers: Caller[] = [];

  const take = (ctx: Context) => {
    if (failure !== undefined) throw failure;
    callers.push(callerOf(ctx));
    return { accepted: 1, rejected: [] };
  };

  before(async () => {
    bus = await TestBus.start();
    const gateway = await bus.member(
      'gateway',
      [
        gatewayService({
          nodeId: 'gateway',
          tracer: NO_TRACER,
          settings: { ...loadSettings({ env: { AUTH: 'off', METRICS_PORT: '0' } }), port: 0 },
          storage: {
            mode: 'embedded',
            journal: { durability: 'fsync' },
            readSide: new MemoryReadSide(),
            limiter: memoryLimiter,
            outage: () => undefined,
            readSideOutage: () => undefined,
          } as unknown as Storage,
          logger: pino({ level: 'silent' }),
          clock: systemClock,
          metrics: createMetrics(),
          runner: DEFAULT_RUNNER_OPTIONS,
        }),
      ],
      { ownServices: SERVICE_NAMES },
    );
    ingest = await bus.member(
      'ingest',
      [
        {
          name: 'ingest',
          // In whichever form the gateway hands readings on.
          actions: { push: action({ publicFor: 'write' }, take), append: action({}, take) },
        },
      ],
      { ownServices: SERVICE_NAMES },
    );
    await knows(gateway.broker, 'ingest.push', 'ingest');
    url = (await gateway.broker.call<GatewayAddress, object>('gateway.address', {})).url;
  });
  after(() => bus.stop());

  const post = () => postJson(`${url}/v1/readings`, { readings: [{ device: 'a', ts: 0, values: { t: 1 } }] });

  it('takes readings, for whom it says', async () => {
    assert.equal((await post()).status, 202);
    assert.deepEqual(callers, [{ kind: 'service', name: 'gateway', tenant: 'default', role: 'writer' }]);
    assert.equal((await ask(`${url}/v1/alerts`)).status, 200);
  });

  it('says of a service that is away that it is away', async () => {
    const answer = await ask(`${url}/v1/models`);
    assert.equal(answer.status, 503);
    assert.ok(Number(answer.headers['retry-after']) > 0);
  });

  it('passes on how long to wait', async () => {
    failure = new OverloadedError('full', 7_000);
    const answer = await post();
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '7']);
    failure = new Error('/etc/secret');
    const broken = await post();
    assert.equal(broken.status, 500);
    assert.doesNotMatch(broken.text, /secret|ingest/);
  });

  it('refuses at once when ingest is gone', async () => {
    await ingest.broker.stop();
    const answer = await until('the gateway to know', async () => {
      const answer = await post();
      return answer.status === 503 ? answer : undefined;
    });
    assert.ok(Number(answer.headers['retry-after']) > 0);
  });
});
