/** Ways in for senders that speak formats of others. All end in the same intake as `POST /v1/readings`. */
import { Type } from '@sinclair/typebox';
import {
  decodeCsv,
  decodeLineProtocol,
  decodeOtlpJson,
  decodeOtlpProtobuf,
  decodeRemoteWrite,
  encodeOtlpAnswer,
  inflateSnappy,
  LINE_PROTOCOL_MAPPING,
  OTLP_MAPPING,
  otlpAnswer,
  parseLinePrecision,
  REMOTE_WRITE_MAPPING,
  type DecodedReadings,
  type LabelMapping,
  type LinePrecision,
} from '../../models/formats/index.js';
import type { NodeContext } from '../node-context.js';
import { requireMediaType, type BodyReader } from './body.js';
import type { Answer } from './idempotency.js';
import { parseJson } from './json-text.js';
import { HttpProblemError } from './problem.js';
import { deviceId, words, type Parameter } from './query.js';
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
  const { deviceLabels, ignoredLabels } = settings;
  const mappingOf = ({ device, leftOut }: LabelMapping): LabelMapping => ({
    device: deviceLabels ?? device,
    leftOut: ignoredLabels ?? leftOut,
  });
  const [lineMapping, writeMapping, otlpMapping] = [LINE_PROTOCOL_MAPPING, REMOTE_WRITE_MAPPING, OTLP_MAPPING].map(
    mappingOf,
  );
  const durable = { 'X-Durability': storage.journal.durability };
  const common = { method: 'POST', tag: 'readings', may: 'write', pace: 'data' } as const;

  async function take(exchange: TakingExchange, decoded: DecodedReadings): Promise<ReadingIntake> {
    const intake = new ReadingIntake(exchange, metrics.invalidReadings);
    await intake.addDecoded(decoded);
    return intake;
  }

  function sendAnswer({ response }: Pick<Exchange, 'response'>, { status, body }: Answer): void {
    const type = status === 202 ? JSON_TYPE : 'application/problem+json';
    send(response, status, type, JSON.stringify(body), status === 202 ? durable : {});
  }

  function takeLines(exchange: Exchange, precision: LinePrecision | undefined): Promise<ReadingIntake> {
    return bodies.read(exchange.request, (body) =>
      take(exchange, decodeLineProtocol(body, { receivedMs: clock.wallMs(), precision, mapping: lineMapping })),
    );
  }

  const LINES = {
    mediaTypes: ['text/plain'],
    examples: { 'text/plain': 'pump,device=pump-7 temp=71.2,vib=0.3 1767225600000000000' },
    description:
      'The channel is `measurement_field`, or the measurement for a field `value`. Which tags name the device: `DEVICE_LABELS`.',
  };

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
        const intake = await bodies.readRaw(request, (body) => {
          const message = inflateSnappy(body, settings.maxInflatedBytes);
          return take(exchange, decodeRemoteWrite(message, { mapping: writeMapping }));
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
        sendAnswer(exchange, (await takeLines(exchange, exchange.query.precision)).answer());
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
        const intake = await takeLines(exchange, exchange.query.precision);
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
        const intake = await bodies.read(request, (body) => {
          const options = { mapping: otlpMapping };
          return take(exchange, isJson ? decodeOtlpJson(parseJson(body), options) : decodeOtlpProtobuf(body, options));
        });
        const answer = otlpAnswer(intake.counts());
        if (isJson) send(response, 200, JSON_TYPE, JSON.stringify(answer), durable);
        else send(response, 200, PROTOBUF, encodeOtlpAnswer(answer), durable);
      },
    }),
    route({
      ...common,
      path: '/v1/readings/csv',
      summary: 'Readings as CSV, wide or long',
      description:
        'Wide: a time, a column a channel. Long: the columns `channel` and `value` besides. The device is named by `device`, or by a column.',
      query: {
        device: deviceId,
        time: words(256, 'Column with the time (default `timestamp`, `time`, `ts`, …)'),
        device_column: words(256, 'Column with the device (default `device`)'),
        channels: columns,
      },
      raw: {
        mediaTypes: ['text/csv'],
        examples: { 'text/csv': 'timestamp,device,temp,vib\n2026-01-01T00:00:00Z,pump-7,71.2,0.3\n' },
      },
      answers: { 202: { description: 'Taken, on disk; `rejected` says which rows not, and why', schema: Accepted } },
      async handle(exchange) {
        const { request, query } = exchange;
        requireMediaType(request, ['text/csv']);
        const intake = await bodies.read(request, (body) =>
          take(
            exchange,
            decodeCsv(body, {
              device: query.device,
              timeColumn: query.time,
              deviceColumn: query.device_column,
              channelColumns: query.channels,
            }),
          ),
        );
        sendAnswer(exchange, intake.answer());
      },
    }),
  ];
}

const precision: Parameter<LinePrecision> = {
  schema: Type.Unsafe<LinePrecision>({
    type: 'string',
    enum: ['ns', 'n', 'us', 'u', 'ms', 's', 'm', 'h'],
    description: 'Unit of the times (default ns)',
  }),
  read: parseLinePrecision,
};

const columns: Parameter<readonly string[]> = {
  schema: Type.String({
    maxLength: 4_096,
    description: 'Columns that become channels, divided by commas (default all)',
  }),
  read: (text) => text.split(',').filter((name) => name !== ''),
};

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
