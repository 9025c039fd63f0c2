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

interface PushAnswer {
  readonly accepted: number;
  readonly rejected: readonly Rejection[];
}

export function readingRoutes(
  node: NodeContext,
  bodies: BodyReader,
  metrics: GatewayMetrics,
): readonly RouteDefinition[] {
  const idempotency = new Idempotency(node.storage.readSide, (error) => {
    node.logger.warn({ err: error }, 'the answer to an Idempotency-Key could not be kept');
  });

  /** Slice after slice. When one fails, those before it are kept: sent again, their readings are duplicates, which are harmless. */
  async function push({ call, principal }: Exchange, mediaType: ReadingMediaType, body: Buffer): Promise<Answer> {
    let accepted = 0;
    let rejectedCount = 0;
    const rejected: Rejection[] = [];
    for (const { readings, indexes, malformed } of readingSlices(mediaType, body)) {
      const answer: PushAnswer =
        readings.length === 0
          ? { accepted: 0, rejected: [] }
          : await call('ingest.push', { tenant: principal.tenant, readings });
      accepted += answer.accepted;
      rejectedCount += answer.rejected.length + malformed.length;
      metrics.malformedLines.inc(malformed.length);
      if (rejected.length < MOST_LISTED && answer.rejected.length + malformed.length > 0) {
        const refused = answer.rejected.map(({ index, reason }) => ({ index: indexes[index]!, reason }));
        const inOrder = [...refused, ...malformed].sort((a, b) => a.index - b.index);
        rejected.push(...inOrder.slice(0, MOST_LISTED - rejected.length));
      }
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
