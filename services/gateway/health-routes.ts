import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from '@sinclair/typebox';
import type { NodeContext } from '../node-context.js';
import { notReady } from '../operations-server.js';
import { whyNotReady } from '../readiness.js';
import { send, sendJson } from './respond.js';
import { route, type RouteDefinition } from './route.js';
import { Problem, word } from './schemas/common.js';

/** A probe waits for what it can do without no longer than this. */
const SOON_MS = 500;

const Health = Type.Object({ status: word(['ok']) }, { $id: 'Health' });
const Ready = Type.Object(
  {
    status: word(['ready']),
    away: Type.Optional(Type.Array(Type.String(), { description: 'Parts that it does without for a while' })),
  },
  { $id: 'Ready' },
);

/** Whether a part that others can do without for a while answers: without a registry devices are scored as before. */
async function answersSoon(ask: () => Promise<unknown>): Promise<boolean> {
  const answered = ask().then(
    () => true,
    () => false,
  );
  return Promise.race([answered, sleep(SOON_MS, false, { ref: false })]);
}

export function healthRoutes({ settings, storage, metrics, nodeId }: NodeContext): readonly RouteDefinition[] {
  const routes = [
    route({
      method: 'GET',
      path: '/health',
      summary: 'Whether the process lives',
      tag: 'running',
      may: 'anybody',
      // Probes append queries of their own to get past caches.
      query: 'ignored',
      answers: { 200: { description: 'It lives', schema: Health } },
      handle({ response }) {
        sendJson(response, 200, { status: 'ok' });
      },
    }),
    route({
      method: 'GET',
      path: '/ready',
      summary: 'Whether it can do its job',
      tag: 'running',
      may: 'anybody',
      query: 'ignored',
      answers: {
        200: { description: 'It can', schema: Ready },
        503: { description: 'It cannot; `detail` says why', schema: Problem },
      },
      async handle({ call, response }) {
        const reason = await whyNotReady((action, nodeID) => call(action, {}, nodeID), settings.services, nodeId);
        if (reason !== undefined) throw notReady(reason);
        const isRegistryThere = await answersSoon(() => call('model-registry.ready', {}));
        const away = [
          ...(isRegistryThere ? [] : ['model-registry']),
          ...(storage.readSideOutage() === undefined ? [] : ['read-side']),
        ];
        sendJson(response, 200, away.length === 0 ? { status: 'ready' } : { status: 'ready', away });
      },
    }),
  ];
  if (settings.metricsEnabled) {
    routes.push(
      route({
        method: 'GET',
        path: '/metrics',
        summary: 'Prometheus metrics of the process that is asked',
        tag: 'running',
        may: 'read-cluster',
        answers: { 200: { description: 'In the text format', mediaType: 'text/plain' } },
        async handle({ response }) {
          send(response, 200, metrics.registry.contentType, await metrics.registry.metrics());
        },
      }),
    );
  }
  return routes;
}
