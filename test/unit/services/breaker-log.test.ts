import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServiceBroker } from 'moleculer';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { watchBreakers } from '../../../services/node-metrics.js';

describe('circuit breakers', () => {
  const OF_SCORER = { nodeID: 'scorer-1', action: 'scorer.explain', failures: 6, count: 10 };
  let nowMs: number;
  let lines: Record<string, unknown>[];
  let localBus: EventEmitter;
  let registry: Registry;

  beforeEach(() => {
    nowMs = 0;
    lines = [];
    localBus = new EventEmitter();
    registry = new Registry();
    const logger = pino({}, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
    watchBreakers(registry, { localBus } as unknown as ServiceBroker, logger, {
      wallMs: () => nowMs,
      monotonicMs: () => nowMs,
    });
  });
  const open = async () => (await registry.getSingleMetric('redshank_bus_open_breakers')!.get()).values[0]?.value;

  it('are counted, and the log says whose they are', async () => {
    localBus.emit('$circuit-breaker.opened', OF_SCORER);
    assert.equal(await open(), 1);
    const { msg, node, action, failures, count } = lines[0]!;
    assert.deepEqual(
      [msg, node, action, failures, count],
      ['a circuit breaker has opened', 'scorer-1', 'scorer.explain', 6, 10],
    );
    localBus.emit('$circuit-breaker.closed', OF_SCORER);
    assert.equal(await open(), 0);
    assert.equal(lines[1]!['msg'], 'a circuit breaker has closed');
  });

  it('that open again after each trial are told once a minute', () => {
    for (; nowMs < 120_000; nowMs += 10_000) localBus.emit('$circuit-breaker.opened', OF_SCORER);
    assert.deepEqual(
      lines.map(({ times }) => times),
      [1, 6],
    );
  });

  it('are forgotten with their node', async () => {
    localBus.emit('$circuit-breaker.opened', OF_SCORER);
    localBus.emit('$node.disconnected', { node: { id: 'scorer-1' } });
    assert.equal(await open(), 0);
  });
});
