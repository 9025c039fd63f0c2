import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeContext } from '../node-context.js';
import { notReady } from '../operations-server.js';
import { whyNotReady } from '../readiness.js';
import { readQuery } from './query.js';
import { send, sendJson } from './respond.js';
import type { RouteDefinition } from './route.js';

/** A probe waits for what it can do without no longer than this. */
const SOON_MS = 500;

/** Whether a part that others can do without for a while answers: without a registry devices are scored as before. */
async function answersSoon(ask: () => Promise<unknown>): Promise<boolean> {
  const answered = ask().then(
    () => true,
    () => false,
  );
  return Promise.race([answered, sleep(SOON_MS, false, { ref: false })]);
}

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
        const isRegistryThere = await answersSoon(() => call('model-registry.ready', {}));
        sendJson(response, 200, isRegistryThere ? { status: 'ready' } : { status: 'ready', away: ['model-registry'] });
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
