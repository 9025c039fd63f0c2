import { deviceId, oneOf, readQuery } from './query.js';
import type { EventHub } from './event-hub.js';
import type { RouteDefinition } from './route.js';

export const EVENTS_PATH = '/v1/events';

export function eventRoutes(hub: EventHub): readonly RouteDefinition[] {
  return [
    {
      method: 'GET',
      path: EVENTS_PATH,
      access: 'control',
      handle({ request, response, query, principal }) {
        const { device, alerts } = readQuery(query, { device: deviceId, alerts: oneOf(['all', 'device']) });
        if (request.method === 'HEAD') {
          response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' }).end();
          return;
        }
        hub.open(response, { tenant: principal.tenant, device, allAlerts: alerts === 'all' });
      },
    },
  ];
}
