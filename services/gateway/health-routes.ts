import type { NodeContext } from '../node-context.js';
import { notReady } from '../operations-server.js';
import { whyNotReady } from '../readiness.js';
import { readQuery } from './query.js';
import { send, sendJson } from './respond.js';
import type { RouteDefinition } from './route.js';

export function healthRoutes({ settings, metrics, nodeId }: NodeContext): readonly RouteDefinition[] {
  const routes: RouteDefinition[] = [
    {
      method: 'GET',
      path: '/health',
      access: 'open',
      // Probes append queries of their own to get past caches; they are ignored.
      handle({ response }) {
        sendJson(response, 200, { status: 'ok' });
      },
    },
    {
      method: 'GET',
      path: '/ready',
      access: 'open',
      async handle({ call, response }) {
        const reason = await whyNotReady((action, nodeID) => call(action, {}, nodeID), settings.services, nodeId);
        if (reason !== undefined) throw notReady(reason);
        sendJson(response, 200, { status: 'ready' });
      },
    },
  ];
  if (settings.metricsEnabled) {
    routes.push({
      method: 'GET',
      path: '/metrics',
      access: 'control',
      async handle({ query, response }) {
        readQuery(query, {});
        send(response, 200, metrics.registry.contentType, await metrics.registry.metrics());
      },
    });
  }
  return routes;
}
