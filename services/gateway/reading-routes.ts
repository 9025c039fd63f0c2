import { ReadingBatch } from '../../models/domain/reading-batch.js';
import { parseReading } from '../../models/domain/reading-parser.js';
import type { AppendAnswer } from '../ingest.service.js';
import type { NodeContext } from '../node-context.js';
import { requireMediaType, type BodyReader } from './body.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import { Idempotency, type Answer } from './idempotency.js';
import { readQuery } from './query.js';
import { READING_MEDIA_TYPES, readingSlices, type ReadingMediaType, type Rejection } from './reading-slices.js';
import { send } from './respond.js';
import type { Exchange, RouteDefinition } from './route.js';

/** Rejected readings that an answer lists; `rejectedCount` counts them all. */
const MOST_LISTED = 100;

/**
 * A batch leaves when it holds so many values: with its times and names it then stays well below the 1 MB that a NATS message may
 * have by default.
 */
const MOST_VALUES = 32_768;

export function readingRoutes(
  node: NodeContext,
  bodies: BodyReader,
  metrics: GatewayMetrics,
): readonly RouteDefinition[] {
  const idempotency = new Idempotency(node.storage.readSide, (error) => {
    node.logger.warn({ err: error }, 'the answer to an Idempotency-Key could not be kept or looked up');
  });

  /** Slice after slice. When one fails, those before it are kept: sent again, their readings are duplicates, which are harmless. */
  async function push({ call, principal }: Exchange, mediaType: ReadingMediaType, body: Buffer): Promise<Answer> {
    let accepted = 0;
    let rejectedCount = 0;
    const rejected: Rejection[] = [];
    const batch = ReadingBatch.create();
    const send = async (): Promise<void> => {
      if (batch.length === 0) return;
      const text = Buffer.from(batch.encode()).toString('base64');
      accepted += (await call<AppendAnswer>('ingest.append', { tenant: principal.tenant, batch: text })).accepted;
      batch.clear();
    };
    for (const { readings, indexes, malformed } of readingSlices(mediaType, body)) {
      const refused: Rejection[] = [];
      for (let i = 0; i < readings.length; i++) {
        const reading = parseReading(readings[i]);
        if (typeof reading === 'string') {
          refused.push({ index: indexes[i]!, reason: reading });
          continue;
        }
        batch.addReading(reading.device, reading.timeMs, reading.channels, reading.values);
        if (batch.values.length >= MOST_VALUES) await send();
      }
      node.metrics.invalidReadings.inc(refused.length);
      metrics.malformedLines.inc(malformed.length);
      rejectedCount += refused.length + malformed.length;
      const inOrder = [...refused, ...malformed].sort((a, b) => a.index - b.index);
      rejected.push(...inOrder.slice(0, Math.max(0, MOST_LISTED - rejected.length)));
      await send();
    }
    const counts = { accepted, rejected, rejectedCount };
    return accepted > 0
      ? { status: 202, body: counts }
      : { status: 422, body: { ...noneAcceptable(rejected), ...counts } };
  }

  return [
    {
      method: 'POST',
      path: '/v1/readings',
      access: 'data',
      async handle(exchange) {
        const { request, response, principal, query } = exchange;
        readQuery(query, {});
        const mediaType = requireMediaType(request, READING_MEDIA_TYPES);
        const key = request.headers['idempotency-key'] as string | undefined;
        await bodies.read(request, async (body) => {
          const answer = await idempotency.once(principal.tenant, key, body, node.clock.wallMs(), () =>
            push(exchange, mediaType, body),
          );
          const isAccepted = answer.status === 202;
          send(
            response,
            answer.status,
            isAccepted ? 'application/json; charset=utf-8' : 'application/problem+json',
            JSON.stringify(answer.body),
            {
              ...(isAccepted && { 'X-Durability': node.storage.journal.durability }),
              ...(answer.isReplay && { 'Idempotency-Replayed': 'true' }),
            },
          );
        });
      },
    },
  ];
}

function noneAcceptable(rejected: readonly Rejection[]): object {
  const first = rejected[0];
  return {
    type: 'urn:redshank:problem:reading-invalid',
    title: 'No reading is acceptable',
    status: 422,
    detail: first === undefined ? 'no reading is acceptable' : `reading ${first.index}: ${first.reason}`,
  };
}
