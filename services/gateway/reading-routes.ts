import { setImmediate as giveWay } from 'node:timers/promises';
import { parseReading } from '../../models/domain/reading-parser.js';
import type { NodeContext } from '../node-context.js';
import { requireMediaType, type BodyReader } from './body.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import { Idempotency, type Answer } from './idempotency.js';
import { ReadingIntake, SLICE_READINGS, type TakingExchange } from './reading-intake.js';
import { READING_MEDIA_TYPES, readingSlices, type ReadingMediaType } from './reading-slices.js';
import { send } from './respond.js';
import { route, type RouteDefinition } from './route.js';
import { Accepted, Readings } from './schemas/readings.js';

export const READINGS_PATH = '/v1/readings';

/** Takes the readings of one body. */
export type TakeReadings = (exchange: TakingExchange, mediaType: ReadingMediaType, body: Buffer) => Promise<Answer>;

export function readingTaker(node: Pick<NodeContext, 'metrics'>, metrics: GatewayMetrics): TakeReadings {
  return async (exchange, mediaType, body) => {
    const intake = new ReadingIntake(exchange, node.metrics.invalidReadings);
    for (const { readings, indexes, malformed } of readingSlices(mediaType, body)) {
      for (const { index, reason } of malformed) intake.reject(index, reason, false);
      metrics.malformedLines.inc(malformed.length);
      for (let i = 0; i < readings.length; i++) {
        const reading = parseReading(readings[i]);
        if (typeof reading === 'string') intake.reject(indexes[i]!, reading);
        else intake.add(indexes[i]!, reading.device, reading.timeMs, reading.channels, reading.values);
      }
      if (readings.length === SLICE_READINGS) await giveWay();
    }
    await intake.take();
    return intake.answer();
  };
}

export function readingRoutes(node: NodeContext, bodies: BodyReader, take: TakeReadings): readonly RouteDefinition[] {
  const idempotency = new Idempotency(node.storage.readSide, (error) => {
    node.logger.warn({ err: error }, 'the answer to an Idempotency-Key could not be kept or looked up');
  });

  return [
    route({
      method: 'POST',
      path: READINGS_PATH,
      summary: 'Take readings',
      description: 'Every accepted reading is on disk when this is answered. NDJSON carries one reading a line.',
      tag: 'readings',
      may: 'write',
      pace: 'data',
      headers: {
        'Idempotency-Key': 'The same key and body within 24 h get the same answer, and are not taken again',
      },
      raw: { mediaTypes: READING_MEDIA_TYPES, schema: Readings },
      answers: {
        202: {
          description: 'Taken; `rejected` says which not, and why',
          schema: Accepted,
          headers: {
            'X-Durability': 'What the acknowledgement survives',
            'Idempotency-Replayed': 'Present when the answer is that of an earlier request',
          },
        },
      },
      async handle(exchange) {
        const { request, response, principal } = exchange;
        const mediaType = requireMediaType(request, READING_MEDIA_TYPES);
        const key = request.headers['idempotency-key'] as string | undefined;
        await bodies.read(request, async (body) => {
          const answer = await idempotency.once(principal, key, body, node.clock.wallMs(), () =>
            take(exchange, mediaType, body),
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
    }),
  ];
}
