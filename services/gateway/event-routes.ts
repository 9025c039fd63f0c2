import { deviceId, oneOf } from './query.js';
import type { EventHub } from './event-hub.js';
import { route, type RouteDefinition } from './route.js';

export const EVENTS_PATH = '/v1/events';

export function eventRoutes(hub: EventHub): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: EVENTS_PATH,
      summary: 'What happens, while it happens',
      description:
        'Server-sent events: `score` with a LiveScore, `alert` with an AlertChange. For looking at, not for deciding: a reader that is too slow is dropped, and connects again.',
      tag: 'live',
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
        hub.open(response, { tenant: principal.tenant, device, allAlerts: alerts === 'all' });
      },
    }),
  ];
}
