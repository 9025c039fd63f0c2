import assert from 'node:assert/strict';
import { pino } from 'pino';
import { loadSettings } from '../../models/settings.js';
import { startNode, type RunningNode } from '../../services/start-node.js';
import { postJson } from '../support/http-client.js';
import { SpanCollector } from '../support/span-collector.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const CLIENT_SPAN = 'cd'.repeat(8);
const RECORDED = `00-${'ab'.repeat(16)}-${CLIENT_SPAN}-01`;
const WAY = ['POST /v1/readings', 'ingest', 'window', 'scorer', 'alerting'];

describe('tracing', () => {
  const folder = temporaryFolder();
  let collector: SpanCollector;
  let node: RunningNode | undefined;
  beforeEach(async () => {
    collector = await SpanCollector.start();
  });
  afterEach(async () => {
    await node?.stop();
    node = undefined;
    await collector.stop();
  });
  const start = async (ratio: number): Promise<string> => {
    const env = { AUTH: 'off', METRICS_PORT: '0', PORT: '0', DATA_DIR: folder() };
    const settings = { ...loadSettings({ env }), otlpEndpoint: collector.url, traceRatio: ratio };
    node = await startNode(settings, pino({ level: 'silent' }));
    return node.url!;
  };
  const post = (url: string, headers: Record<string, string> = {}) =>
    postJson(`${url}/v1/readings`, { readings: [{ device: 'a', ts: Date.now(), values: { t: 1 } }] }, headers);

  it('follows a request through all stages', async () => {
    const url = await start(0);
    assert.equal((await post(url, { traceparent: RECORDED })).status, 202);
    const spans = await until('all spans', () => (collector.spans.length >= WAY.length ? collector.spans : undefined));
    const named = new Map(spans.map((span) => [span.name, span]));
    assert.deepEqual([...named.keys()].sort(), [...WAY].sort());
    let parent = CLIENT_SPAN;
    for (const name of WAY) {
      const { traceId, parentSpanId, spanId } = named.get(name)!;
      assert.deepEqual([name, traceId, parentSpanId], [name, 'ab'.repeat(16), parent]);
      parent = spanId;
    }
  });

  it('records nothing that is not in the sample', async () => {
    const url = await start(0);
    assert.equal((await post(url)).status, 202);
    await node!.stop();
    node = undefined;
    assert.deepEqual(collector.spans, []);
  });
});
