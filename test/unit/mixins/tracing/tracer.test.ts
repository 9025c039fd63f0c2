import assert from 'node:assert/strict';
import { pino } from 'pino';
import { StageTrace } from '../../../../mixins/tracing/stage-trace.js';
import { createTracer, inSpan, NO_TRACER, type Tracer } from '../../../../mixins/tracing/tracer.js';
import { StorageFailedError } from '../../../../models/errors.js';
import { parseTraceparent } from '../../../../models/tracing/traceparent.js';
import { SpanCollector } from '../../../support/span-collector.js';

const RECORDED = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
const UNRECORDED = RECORDED.replace(/01$/, '00');

describe('tracer', () => {
  let collector: SpanCollector;
  let tracer: Tracer;
  let nowMs = 0;
  const clock = { wallMs: () => 1_700_000_000_000 + nowMs, monotonicMs: () => nowMs };
  const warnings: object[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(JSON.parse(line) as object) });
  const make = (ratio: number) =>
    createTracer({ endpoint: `${collector.url}/`, ratio, resource: { 'service.name': 'redshank' }, clock, logger });

  beforeEach(async () => {
    collector = await SpanCollector.start();
    tracer = make(1);
    warnings.length = 0;
  });
  afterEach(async () => {
    await tracer.stop();
    await collector.stop();
  });

  it('goes on with the trace of the client', async () => {
    const span = tracer.begin('POST /v1/readings', RECORDED)!;
    nowMs += 1.5;
    span.end();
    span.end();
    await tracer.stop();
    const { traceId, spanId } = parseTraceparent(span.traceparent)!;
    assert.deepEqual(collector.spans, [
      {
        traceId: 'ab'.repeat(16),
        spanId,
        parentSpanId: 'cd'.repeat(8),
        name: 'POST /v1/readings',
        kind: 2,
        startTimeUnixNano: '1700000000000000000',
        endTimeUnixNano: '1700000000001500000',
        attributes: [],
        status: {},
      },
    ]);
    assert.equal(traceId, span.traceId);
  });

  it('begins one where there is none, for a share of the requests', async () => {
    tracer.begin('a', undefined)!.end();
    tracer.begin('a', 'nonsense')!.end();
    await tracer.stop();
    assert.deepEqual(
      collector.spans.map(({ parentSpanId }) => parentSpanId),
      [undefined, undefined],
    );
    assert.equal(make(0).begin('a', undefined), undefined);
    assert.ok(make(0).begin('a', RECORDED));
  });

  it('records nothing that the client does not', () => {
    assert.equal(tracer.begin('a', UNRECORDED), undefined);
    for (const parent of [undefined, UNRECORDED, 'nonsense', {}]) assert.equal(tracer.follow('a', parent), undefined);
    assert.equal(NO_TRACER.begin('a', RECORDED), undefined);
  });

  it('says of a failure only what kind it was', async () => {
    tracer.begin('a', undefined)!.end(new StorageFailedError('secret'));
    tracer.begin('a', undefined)!.end(new Error('secret'));
    await tracer.stop();
    assert.deepEqual(
      collector.spans.map(({ status }) => status),
      [
        { code: 2, message: 'STORAGE_FAILED' },
        { code: 2, message: 'INTERNAL' },
      ],
    );
  });

  it('ends a span as its work ends', async () => {
    const span = () => tracer.begin('a', undefined);
    assert.equal(await inSpan(span(), (traceparent) => Promise.resolve(traceparent?.length)), 55);
    await assert.rejects(inSpan(span(), () => Promise.reject(new StorageFailedError('full'))));
    assert.equal(await inSpan(undefined, (traceparent) => Promise.resolve(traceparent)), undefined);
    await tracer.stop();
    assert.deepEqual(
      collector.spans.map(({ status }) => status.message),
      [undefined, 'STORAGE_FAILED'],
    );
  });

  it('drops what it cannot send, and keeps what fits', async () => {
    collector.status = 503;
    for (let i = 0; i < 5_000; i++) tracer.begin('a', undefined)!.end();
    await tracer.stop();
    assert.equal(warnings.length, 1);
    collector.status = 200;
    tracer.begin('b', undefined)!.end();
    await tracer.stop();
    assert.ok(collector.spans.length <= 2_049, `${collector.spans.length} spans`);
    assert.equal(collector.spans.at(-1)?.name, 'b');
  });
});

describe('stage trace', () => {
  it('is one span a commit, from the first recorded chunk on', async () => {
    const collector = await SpanCollector.start();
    const clock = { wallMs: () => 0, monotonicMs: () => 0 };
    const logger = pino({ level: 'silent' });
    const tracer = createTracer({ endpoint: collector.url, ratio: 0, resource: {}, clock, logger });
    const trace = new StageTrace(tracer, 'window', 3);
    trace.stepped(undefined);
    assert.equal(trace.committing(), undefined);
    trace.stepped(RECORDED);
    trace.stepped(RECORDED.replace('ab', '12'));
    const carried = parseTraceparent(trace.committing())!;
    assert.equal(carried.traceId, trace.traceId);
    trace.committed();
    assert.equal(trace.committing(), undefined);
    trace.stepped(RECORDED);
    trace.committed(new StorageFailedError('full'));
    await tracer.stop();
    await collector.stop();
    assert.deepEqual(
      collector.spans.map(({ name, parentSpanId, status }) => [name, parentSpanId, status.message]),
      [
        ['window', 'cd'.repeat(8), undefined],
        ['window', 'cd'.repeat(8), 'STORAGE_FAILED'],
      ],
    );
    assert.equal(collector.spans[0]!.spanId, carried.spanId);
  });
});
