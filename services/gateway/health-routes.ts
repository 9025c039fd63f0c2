import type { ServiceName } from '../../models/settings.js';
import type { NodeContext } from '../node-context.js';
import { HttpProblemError, toProblem } from './problem.js';
import { readQuery } from './query.js';
import { send, sendJson } from './respond.js';
import type { Exchange, RouteDefinition } from './route.js';

interface Readiness {
  readonly ready: boolean;
  readonly reason?: string;
}

export function healthRoutes({ settings, metrics }: NodeContext): readonly RouteDefinition[] {
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
      async handle(exchange) {
        const reason = await whyNotReady(exchange, settings.services);
        if (reason !== undefined) throw new HttpProblemError(503, 'Not ready', reason, { 'Retry-After': '1' });
        sendJson(exchange.response, 200, { status: 'ready' });
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

/** Asks every service of this process: it can do its job when all of them can. */
async function whyNotReady({ call }: Exchange, services: readonly ServiceName[]): Promise<string | undefined> {
  for (const service of services) {
    if (service === 'gateway') continue;
    try {
      const { ready, reason } = await call<Readiness>(`${service}.ready`, {});
      if (!ready) return reason ?? `${service} is not ready`;
    } catch (error) {
      return `${service} does not answer: ${String(toProblem(error, undefined).body['detail'])}`;
    }
  }
  return undefined;
}
