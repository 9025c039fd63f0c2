/** Ways in for senders that speak formats of others. All end in the same intake as `POST /v1/readings`. */
import { JoinedReadings } from '../../models/formats/joined-readings.js';
import type { LabelNames } from '../../models/formats/label-names.js';
import { PRECISIONS, readLineProtocol } from '../../models/formats/line-protocol.js';
import {
  checkOtlpMetrics,
  decodeOtlpMetrics,
  encodeOtlpAnswer,
  otlpAnswer,
  readOtlpMetrics,
} from '../../models/formats/otlp-metrics.js';
import { readRemoteWrite, unsnappy } from '../../models/formats/remote-write.js';
import type { NodeContext } from '../node-context.js';
import { requireMediaType, type BodyReader } from './body.js';
import type { Answer } from './idempotency.js';
import { decodeUtf8, parseJson } from './json-text.js';
import { HttpProblemError } from './problem.js';
import { oneOf, words } from './query.js';
import { ReadingIntake, type IntakeCounts, type TakingExchange } from './reading-intake.js';
import { send } from './respond.js';
import { route, type Exchange, type RouteDefinition } from './route.js';
import { Accepted } from './schemas/readings.js';

const PROTOBUF = 'application/x-protobuf';
const JSON_TYPE = 'application/json; charset=utf-8';

export function foreignRoutes(
  { settings, storage, clock, metrics }: NodeContext,
  bodies: BodyReader,
): readonly RouteDefinition[] {
  const names: LabelNames = { device: settings.deviceLabels, ignored: settings.ignoredLabels };
  const durable = { 'X-Durability': storage.journal.durability };
  const common = { method: 'POST', tag: 'readings', may: 'write', pace: 'data' } as const;

  async function take(exchange: TakingExchange, joined: JoinedReadings): Promise<ReadingIntake> {
    const intake = new ReadingIntake(exchange, metrics.invalidReadings);
    for (const { index, reason } of joined.rejected) intake.reject(index, reason);
    for (const { index, device, timeMs, channels, values } of joined.readings) {
      intake.add(index, device, timeMs, channels, values);
      if (intake.isFull) await intake.flush();
    }
    await intake.flush();
    return intake;
  }

  function sendAnswer({ response }: Pick<Exchange, 'response'>, { status, body }: Answer): void {
    const type = status === 202 ? JSON_TYPE : 'application/problem+json';
    send(response, status, type, JSON.stringify(body), status === 202 ? durable : {});
  }

  async function takeLines(exchange: Exchange, precision: string): Promise<ReadingIntake> {
    return bodies.read(exchange.request, async (body) => {
      const joined = new JoinedReadings();
      readLineProtocol(textOf(body), { precision, nowMs: clock.wallMs(), names }, joined);
      return take(exchange, joined);
    });
  }

  const LINES = {
    mediaTypes: ['text/plain'],
    examples: { 'text/plain': 'pump,device=pump-7 temp=71.2,vib=0.3 1767225600000000000' },
    description:
      'The channel is `measurement.field`, or the measurement for a field `value`. Which tags name the device: `DEVICE_LABELS`.',
  };
  const precision = oneOf(PRECISIONS, 'Unit of the times (default ns)');

  const remoteWrite = (path: string): RouteDefinition =>
    route({
      ...common,
      path,
      summary: 'Prometheus remote write 1.0',
      description: 'The channel is the name of the metric, with labels that tell it apart.',
      raw: { mediaTypes: [PROTOBUF], description: '`prometheus.WriteRequest`, compressed with snappy' },
      answers: { 204: { description: 'Taken, on disk' } },
      async handle(exchange) {
        const { request, response } = exchange;
        requireMediaType(request, [PROTOBUF]);
        // Snappy is not what this header means by itself, but what remote write means by it.
        const encoding = request.headers['content-encoding'] ?? 'snappy';
        if (encoding !== 'snappy') {
          throw new HttpProblemError(415, 'Unsupported encoding', 'Content-Encoding must be snappy');
        }
        const intake = await bodies.readRaw(request, async (body) => {
          const joined = new JoinedReadings();
          readRemoteWrite(unsnappy(body, settings.maxInflatedBytes), names, joined);
          return take(exchange, joined);
        });
        // A sender must not send again what can never be taken; 400 says so, and the rest has been taken.
        const counts = intake.counts();
        if (counts.rejectedCount > 0) throw partly(counts, 400);
        response.writeHead(204, durable).end();
      },
    });

  return [
    route({
      ...common,
      path: '/v1/write',
      summary: 'InfluxDB line protocol',
      query: { precision },
      raw: LINES,
      answers: { 202: { description: 'Taken, on disk; `rejected` says which lines not, and why', schema: Accepted } },
      async handle(exchange) {
        requireLineType(exchange);
        sendAnswer(exchange, (await takeLines(exchange, exchange.query.precision ?? 'ns')).answer());
      },
    }),
    route({
      ...common,
      path: '/api/v2/write',
      summary: 'InfluxDB line protocol, as clients of InfluxDB 2 and Telegraf send it',
      description: '`org` and `bucket` are ignored. The key is taken as `Authorization: Token rsk_…` too.',
      query: { precision, org: words(256, 'Ignored'), orgID: words(256, 'Ignored'), bucket: words(256, 'Ignored') },
      raw: LINES,
      answers: { 204: { description: 'Taken, on disk' } },
      async handle(exchange) {
        requireLineType(exchange);
        const intake = await takeLines(exchange, exchange.query.precision ?? 'ns');
        const counts = intake.counts();
        if (counts.rejectedCount > 0) throw partly(counts, 400);
        exchange.response.writeHead(204, durable).end();
      },
    }),
    remoteWrite('/v1/prometheus/write'),
    remoteWrite('/api/v1/write'),
    route({
      ...common,
      path: '/v1/metrics',
      summary: 'OpenTelemetry metrics (OTLP over HTTP)',
      description: 'Gauges and sums are a channel each; histograms and summaries two, `_count` and `_sum`.',
      raw: { mediaTypes: [PROTOBUF, 'application/json'], description: '`ExportMetricsServiceRequest`' },
      answers: { 200: { description: 'Taken, on disk; `partialSuccess` says what not, and why', mediaType: PROTOBUF } },
      async handle(exchange) {
        const { request, response } = exchange;
        const type = requireMediaType(request, [PROTOBUF, 'application/json']);
        const isJson = type === 'application/json';
        const intake = await bodies.read(request, async (body) => {
          const joined = new JoinedReadings();
          const document = isJson ? checkOtlpMetrics(parseJson(body)) : decodeOtlpMetrics(body);
          readOtlpMetrics(document, names, joined);
          return take(exchange, joined);
        });
        const { rejectedCount, rejected } = intake.counts();
        const message = rejected[0] === undefined ? '' : `point ${rejected[0].index}: ${rejected[0].reason}`;
        if (isJson) send(response, 200, JSON_TYPE, JSON.stringify(otlpAnswer(rejectedCount, message)), durable);
        else send(response, 200, PROTOBUF, encodeOtlpAnswer(rejectedCount, message), durable);
      },
    }),
  ];
}

/** Clients of InfluxDB leave the type out, or say text/plain. */
function requireLineType({ request }: Pick<Exchange, 'request'>): void {
  if (request.headers['content-type'] !== undefined)
    requireMediaType(request, ['text/plain', 'application/octet-stream']);
}

function partly({ accepted, rejected, rejectedCount }: IntakeCounts, status: number): HttpProblemError {
  const [first] = rejected;
  const detail = `${accepted} readings were taken and ${rejectedCount} items were not, the first being ${first!.index}: ${first!.reason}`;
  // Clients of InfluxDB show these two members.
  return new HttpProblemError(
    status,
    'Partly taken',
    detail,
    {},
    { code: 'invalid', message: detail, accepted, rejectedCount },
  );
}

function textOf(body: Buffer): string {
  try {
    return decodeUtf8(body);
  } catch {
    throw new HttpProblemError(400, 'Malformed body', 'the body is not UTF-8 text');
  }
}
