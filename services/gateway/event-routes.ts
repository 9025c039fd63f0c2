import type { IncomingMessage } from 'node:http';
import { deviceId, oneOf } from './query.js';
import type { EventHub } from './event-hub.js';
import { route, type RouteDefinition } from './route.js';

export const EVENTS_PATH = '/v1/events';

/** @param stillMay whether the key of a request is good as before */
export function eventRoutes(
  hub: EventHub,
  stillMay: (request: IncomingMessage) => Promise<boolean>,
): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: EVENTS_PATH,
      summary: 'What happens, while it happens',
      description:
        'Server-sent events: `score` with a LiveScore, `alert` with an AlertChange. For looking at, not for deciding: a reader that is too slow is dropped, and connects again.',
      tag: 'live',
      headers: {
        'Last-Event-ID':
          'Goes on after this event. Where some of what came since is not kept, an event `missed` says so',
      },
      may: 'read',
      query: {
        device: deviceId,
        alerts: oneOf(['all', 'device'], 'With `device`: alerts of all devices, or of this one'),
      },
      answers: { 200: { description: 'A stream without an end', mediaType: 'text/event-stream' } },
      handle({ request, response, query: { device, alerts }, principal }) {
        if (request.method === 'HEAD') {
          response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' }).end();
          return;
        }
        const lastId = request.headers['last-event-id'];
        const subscription = {
          tenant: principal.tenant,
          device,
          allAlerts: alerts === 'all',
          stillMay: () => stillMay(request),
        };
        hub.open(response, subscription, typeof lastId === 'string' ? lastId : undefined);
      },
    }),
  ];
}
